-- Asks for /object/1 to /object/N, one after the other, to fill a cache.
local objects, head, tail
local number = 0

function init(args)
  objects = tonumber(args[1])
  head, tail = wrk.format("GET", "@"):match("^(.-)@(.*)$")
end

function request()
  number = number % objects + 1
  return head .. "/object/" .. number .. tail
end
