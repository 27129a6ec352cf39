-- Sends requests by turns, one for each argument, which is the value of Accept-Encoding.
local requests, turn = {}, 0

function init(args)
  for index = 1, #args do
    wrk.headers["Accept-Encoding"] = args[index]
    requests[index] = wrk.format()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
