--[[
  Puts a claimed job back to waiting: into the backlog counter once, and onto one of the job's own counts.

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  fencing token of the claim
  ARGV[2]  which count it adds to: failures, crashes or releases
  ARGV[3]  seconds the record is kept

  Returns the count after the change, 0 when the job is somebody else's, -1 without a record
]]
local record, counter = KEYS[1], KEYS[2]
local held = redis.call('HMGET', record, 'token', 'state', 'waiting')
if not held[1] then return -1 end
-- The answer to the first try was lost.
if held[1] == ARGV[1] and held[2] == 'waiting' then return tonumber(redis.call('HGET', record, ARGV[2]) or '1') end
if held[1] ~= ARGV[1] or held[2] ~= 'running' then return 0 end
local now = now_ms()
if held[3] ~= '1' then join_backlog(record, counter, now) end
redis.call('HSET', record, 'state', 'waiting', 'owner', '', 'lease_until', 0, 'waiting', 1, 'updated', now)
redis.call('EXPIRE', record, tonumber(ARGV[3]))
return redis.call('HINCRBY', record, ARGV[2], 1)
