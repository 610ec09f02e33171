--[[
  Claims a job's record, or says why not. One call, so that two workers with the same message cannot both win.

  KEYS[1]  the job's record (hash video-worker:job:{id})
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  owner: unique to the delivery
  ARGV[2]  lease, milliseconds
  ARGV[3]  id of the SQS message (a redriven job has a new one)
  ARGV[4]  '1' when a job without a record stands in the backlog counter, '0' when it does not (Redis was wiped)
  ARGV[5]  seconds the record is kept after the last change
  ARGV[6]  body of the message, '' to leave the one before: a job whose message is lost is sent again with it
  ARGV[7]  when the message was sent, milliseconds since 1970

  Returns
    { 'settled', state }               done, dead or cancelled: only the message is left to delete
    { 'busy', milliseconds }           somebody's lease runs that much longer
    { 'yours', token, starts, failures, crashes, releases }
  Time is the server's: workers' clocks differ.
]]
local record, counter = KEYS[1], KEYS[2]
local owner, lease, message, counted, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = now_ms()

local state = redis.call('HGET', record, 'state')
if state == 'done' or state == 'cancelled' or state == 'dead' then pay_debt(record, counter, now) end
if state == 'done' or state == 'cancelled' then return { 'settled', state } end
if state == 'dead' then
  -- Given up after too many failures, and sent anew by an operator's redrive: a fresh start. Other messages of the job
  -- that were sent before its last attempt, a watch or a duplicate, start nothing.
  local anew = tonumber(ARGV[7]) > tonumber(redis.call('HGET', record, 'began') or '0')
  local revivable = anew and redis.call('HGET', record, 'revivable') == '1'
  if not revivable or redis.call('HGET', record, 'message') == message then return { 'settled', state } end
  redis.call('HSET', record, 'failures', 0, 'crashes', 0, 'releases', 0, 'waiting', 0, 'revivable', 0)
end
local mine = state == 'running' and redis.call('HGET', record, 'owner') == owner
if state == 'running' and not mine then
  local left = tonumber(redis.call('HGET', record, 'lease_until') or '0') - now
  if left > 0 then return { 'busy', left } end
  -- The lease ran out and nobody gave it back: its owner crashed.
  redis.call('HINCRBY', record, 'crashes', 1)
end

local waiting = redis.call('HGET', record, 'waiting')
pay_debt(record, counter, now)
if not waiting and not state then waiting = counted end
if waiting == '1' then leave_backlog(record, counter, now) end
-- A claim of the same delivery whose answer was lost, or which comes late, is the same claim: its token stays good.
local token = mine and tonumber(redis.call('HGET', record, 'token')) or redis.call('HINCRBY', record, 'token', 1)
local starts = mine and tonumber(redis.call('HGET', record, 'starts')) or redis.call('HINCRBY', record, 'starts', 1)
redis.call('HSET', record, 'state', 'running', 'owner', owner, 'message', message, 'waiting', 0,
  'lease_until', now + lease, 'updated', now, 'counter', counter == record and '-' or counter)
if ARGV[6] ~= '' then redis.call('HSET', record, 'body', ARGV[6]) end
if not mine then redis.call('HSET', record, 'began', now) end
redis.call('EXPIRE', record, keep)
local counts = redis.call('HMGET', record, 'failures', 'crashes', 'releases')
return { 'yours', token, starts, tonumber(counts[1] or '0'), tonumber(counts[2] or '0'), tonumber(counts[3] or '0') }
