--[[
  Takes or extends the lock of the reconciler: one at a time repairs.

  KEYS[1]  the lock
  ARGV[1]  token of the caller
  ARGV[2]  milliseconds

  Returns 1 it is the caller's, 0 somebody else's
]]
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
return 1
