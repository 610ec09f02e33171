--[[
  Decides whether a part's message is to be sent, and counts it in the backlog once.

  KEYS[1]  the part's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  KEYS[3]  set of the records of the job's parts that were sent, for the job's end
  KEYS[4]  the job's record
  ARGV[1]  seconds the record is kept
  ARGV[2]  milliseconds after which a message that nobody received counts as lost

  Returns 1 send it (new, lost, or done once and its result gone again), 0 it is waiting or being worked on, or the job has ended
]]
local record, now = KEYS[1], now_ms()
-- Asked for by whoever had the job until then, on a slow way here: nobody would take its count back.
local job = redis.call('HGET', KEYS[4], 'state')
if job == 'done' or job == 'dead' or job == 'cancelled' then return 0 end
local held = redis.call('HMGET', record, 'state', 'sent', 'lease_until')
local state, sent, lease_until = held[1], tonumber(held[2] or '0'), tonumber(held[3] or '0')
if state == 'running' and lease_until > now then return 0 end
if (state == 'waiting' or state == 'running') and now - sent < tonumber(ARGV[2]) then return 0 end
if state ~= 'waiting' and state ~= 'running' then
  redis.call('HSET', record, 'state', 'waiting', 'waiting', 1, 'counter', KEYS[2] == record and '-' or KEYS[2])
  -- Given up once, and wanted again by a job that was started over: its failures were the earlier job's.
  redis.call('HSET', record, 'failures', 0, 'crashes', 0, 'releases', 0)
  if KEYS[2] ~= record then redis.call('INCR', KEYS[2]) end
end
redis.call('HSET', record, 'sent', now, 'updated', now)
redis.call('SADD', KEYS[3], record)
redis.call('EXPIRE', KEYS[3], tonumber(ARGV[1]))
redis.call('EXPIRE', record, tonumber(ARGV[1]))
return 1
