--[[
  Puts a job back to waiting whose worker is gone: counted in the backlog, so that a fleet of none is started for it.
  It counts a crash, as the next claim would have done.

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  end of the lease as it was found, milliseconds: one that was renewed since is alive
  ARGV[2]  seconds the record is kept

  Returns 1 put back, 0 somebody has it (or it has ended)
]]
local record, now = KEYS[1], now_ms()
local held = redis.call('HMGET', record, 'state', 'lease_until', 'waiting')
if held[1] ~= 'running' or held[2] ~= ARGV[1] or tonumber(held[2]) > now then return 0 end
if held[3] ~= '1' then join_backlog(record, KEYS[2], now) end
redis.call('HINCRBY', record, 'crashes', 1)
redis.call('HSET', record, 'state', 'waiting', 'owner', '', 'lease_until', 0, 'waiting', 1, 'updated', now)
redis.call('EXPIRE', record, tonumber(ARGV[2]))
return 1
