--[[
  Ends a claimed job for good and says so where the API looks, in one step.

  KEYS[1]  the job's record
  KEYS[2]  the video's status key, or the record again when there is none
  KEYS[3]  the video's heartbeat key, or the record again when there is none
  KEYS[4]  the tenant's backlog counter, or the record again when the job is not counted
  KEYS[5]  set of the records of the job's parts (enqueue.lua), or the record again of what has none
  ARGV[1]  fencing token of the claim
  ARGV[2]  done, dead or cancelled
  ARGV[3]  JSON for the status key
  ARGV[4]  '1' when a new message of the same job may start it again (given up, not rejected)
  ARGV[5]  seconds the record is kept

  Returns 1 ended, 2 ended and not counted yet (pay-debt.lua), 0 somebody else's, -1 without a record (the status key
  is written all the same)
]]
local record = KEYS[1]
local held = redis.call('HMGET', record, 'token', 'state')
-- The answer to the first try was lost.
if held[1] == ARGV[1] and held[2] == ARGV[2] then
  pay_debt(record, KEYS[4], now_ms())
  return owes(record) and 2 or 1
end
if held[1] and (held[1] ~= ARGV[1] or held[2] ~= 'running') then return 0 end
if KEYS[2] ~= record then redis.call('SET', KEYS[2], ARGV[3]) end
if KEYS[3] ~= record then redis.call('DEL', KEYS[3]) end
if not held[1] then return -1 end
local now = now_ms()
pay_debt(record, KEYS[4], now)
if KEYS[5] ~= record then
  -- Nobody needs the parts that still wait, and the message of one may never have been sent.
  for _, part in ipairs(redis.call('SMEMBERS', KEYS[5])) do
    if redis.call('HGET', part, 'state') == 'waiting' then
      leave_backlog(part, KEYS[4] == record and part or KEYS[4], now)
      redis.call('HSET', part, 'state', 'cancelled', 'waiting', 0)
    end
  end
  redis.call('DEL', KEYS[5])
end
redis.call('HSET', record, 'state', ARGV[2], 'owner', '', 'lease_until', 0, 'waiting', 0, 'revivable', ARGV[4],
  'updated', now)
redis.call('EXPIRE', record, tonumber(ARGV[5]))
return owes(record) and 2 or 1
