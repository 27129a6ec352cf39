-- Asks for PREFIX followed by FIRST to N, one after the other and then from 1 again, to fill a cache.
local objects, number, prefix, head, tail

function init(args)
  objects = tonumber(args[1])
  number = tonumber(args[2]) - 1
  prefix = args[3]
  head, tail = wrk.format("GET", "@"):match("^(.-)@(.*)$")
end

function request()
  number = number % objects + 1
  return head .. prefix .. number .. tail
end
