--[[
  Leaves a job to its parts: nobody owns the record until a join claims it.

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  fencing token of the claim
  ARGV[2]  seconds the record is kept

  Returns 1 left, 0 somebody else's, -1 without a record
]]
local record = KEYS[1]
local held = redis.call('HMGET', record, 'token', 'state')
if not held[1] then return -1 end
-- The answer to the first try was lost.
if held[1] == ARGV[1] and held[2] == 'fanned' then return 1 end
if held[1] ~= ARGV[1] or held[2] ~= 'running' then return 0 end
local now = now_ms()
pay_debt(record, KEYS[2], now)
redis.call('HSET', record, 'state', 'fanned', 'owner', '', 'lease_until', 0, 'waiting', 0, 'updated', now)
redis.call('EXPIRE', record, tonumber(ARGV[2]))
return 1
