-- Asks for PREFIX followed by 1 to N with Zipf's popularity (exponent 1): the k-th object comes 1/k
-- as often as the first. SEED tells which of them, in which order. N to the power of an even random number is distributed so.
local objects, prefix, head, tail

function init(args)
  objects = tonumber(args[1]) + 1
  prefix = args[2]
  math.randomseed(tonumber(args[3]))
  head, tail = wrk.format("GET", "@"):match("^(.-)@(.*)$")
end

function request()
  return head .. prefix .. math.floor(objects ^ math.random()) .. tail
end
