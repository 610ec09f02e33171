--[[
  Asks whether the message of a job may be sent again, and notes that it is, so that nobody sends it twice. A job whose
  worker is gone goes back to waiting with it (repair-stalled.lua).

  KEYS[1]  the job's record; there is none when Redis was wiped
  KEYS[2]  the note (video-worker:reconcile:sent:{job})
  KEYS[3]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  state of the job as it was found, '' for no record
  ARGV[2]  last change of the record as it was found, milliseconds
  ARGV[3]  milliseconds for which nobody sends it again

  Returns 1 send it, 0 something has happened since, or somebody has sent it
]]
local record, now = KEYS[1], now_ms()
local held = redis.call('HMGET', record, 'state', 'updated', 'lease_until')
if (held[1] or '') ~= ARGV[1] or (held[2] or '0') ~= ARGV[2] then return 0 end
if held[1] == 'running' and tonumber(held[3] or '0') > now then return 0 end
if not redis.call('SET', KEYS[2], now, 'NX', 'PX', tonumber(ARGV[3])) then return 0 end
if held[1] == 'running' then
  join_backlog(record, KEYS[3], now)
  redis.call('HINCRBY', record, 'crashes', 1)
  redis.call('HSET', record, 'state', 'waiting', 'owner', '', 'lease_until', 0, 'waiting', 1, 'updated', now)
end
return 1
