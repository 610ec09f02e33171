--[[
  Notes an operator's wish that the job is cancelled, which stands until the job ends or is started over. A running job
  is told by the video's cancel key as well; one that waits reads this when its turn has come.

  KEYS[1]  the job's record; made when there is none (a job that nobody has claimed yet)
  ARGV[1]  seconds the record is kept

  Returns the job's state, '' when nobody has claimed it yet
]]
local record = KEYS[1]
local state = redis.call('HGET', record, 'state') or ''
if state == 'done' or state == 'dead' or state == 'cancelled' then return state end
redis.call('HSET', record, 'cancel', 1)
redis.call('EXPIRE', record, tonumber(ARGV[1]))
return state
