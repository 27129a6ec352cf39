-- Asks for /object/FIRST to /object/N, one after the other and then from 1 again, to fill a cache.
local objects, number, head, tail

function init(args)
  objects = tonumber(args[1])
  number = tonumber(args[2]) - 1
  head, tail = wrk.format("GET", "@"):match("^(.-)@(.*)$")
end

function request()
  number = number % objects + 1
  return head .. "/object/" .. number .. tail
end
