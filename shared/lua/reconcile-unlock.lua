--[[
  Gives the lock of the reconciler back, if it is still the caller's.

  KEYS[1]  the lock
  ARGV[1]  token of the caller

  Returns 1 given back, 0 somebody else's, or nobody's
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
