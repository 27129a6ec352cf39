-- Asks for PREFIX followed by a random number from 1 to N, each as often as any other. SEED tells which,
-- in which order.
local objects, prefix, head, tail

function init(args)
  objects = tonumber(args[1])
  prefix = args[2]
  math.randomseed(tonumber(args[3]))
  head, tail = wrk.format("GET", "@"):match("^(.-)@(.*)$")
end

function request()
  return head .. prefix .. math.random(objects) .. tail
end
