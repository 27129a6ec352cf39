-- Asks for PREFIX followed by 1 to N, each once, and ends.
local objects, number, prefix, head, tail

function init(args)
  objects = tonumber(args[1])
  number = 0
  prefix = args[2]
  head, tail = wrk.format("GET", "@"):match("^(.-)@(.*)$")
end

function request()
  if number == objects then
    wrk.thread:stop()
  else
    number = number + 1
  end
  return head .. prefix .. number .. tail
end
