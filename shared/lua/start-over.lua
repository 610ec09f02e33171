--[[
  Puts a job that is sent by hand back to waiting, with all its attempts, and counts it in the backlog once. The
  message is sent after this call: a crash in between leaves a count that the same command, given again, makes true.

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  seconds the record is kept
  ARGV[2]  body of the message that starts the job

  Returns { changed, state }: 1 and the state before ('' without a record), or 0 and the state that it was left in,
  since the job is done, or has not ended
]]
local record = KEYS[1]
local state = redis.call('HGET', record, 'state') or ''
if state == 'done' or state == 'waiting' or state == 'running' or state == 'fanned' then return { 0, state } end
redis.call('HSET', record, 'state', 'waiting', 'waiting', 1, 'sent', now_ms(), 'updated', now_ms(), 'owner', '',
  'lease_until', 0, 'counter', KEYS[2] == record and '-' or KEYS[2], 'failures', 0, 'crashes', 0, 'releases', 0, 'body', ARGV[2])
redis.call('HDEL', record, 'owed_until', 'cancel')
redis.call('EXPIRE', record, tonumber(ARGV[1]))
if KEYS[2] ~= record then redis.call('INCR', KEYS[2]) end
return { 1, state }
