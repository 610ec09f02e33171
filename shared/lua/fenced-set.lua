--[[
  Writes a key of the video (progress, status, heartbeat) only while the job is running and still the caller's:
  a write that comes late must not undo what the job's end wrote.

  KEYS[1]  the job's record
  KEYS[2]  the key
  KEYS[3]  of a part: the record of the job it belongs to, which may have ended; else the record again
  ARGV[1]  fencing token of the claim
  ARGV[2]  value
  ARGV[3]  seconds to live

  Returns 1 written, 0 somebody else's. Without a record (Redis was wiped) it writes: a progress bar harms nobody.
]]
local held = redis.call('HMGET', KEYS[1], 'token', 'state')
if held[1] and (held[1] ~= ARGV[1] or held[2] ~= 'running') then return 0 end
if KEYS[3] ~= KEYS[1] then
  local job = redis.call('HGET', KEYS[3], 'state')
  if job == 'done' or job == 'dead' or job == 'cancelled' then return 0 end
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', tonumber(ARGV[3]))
return 1
