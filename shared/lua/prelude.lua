--[[
  Stands in front of every script of this folder (shared/redis.ts puts it there).

  The API sends a message first and counts it then (contract.md section 3), so a quick worker can claim a job that
  is not in the backlog yet. A counter that stands at 0 cannot be lowered; the record then owes one, and pays when
  the count has come. After five minutes the debt is forgotten: nobody counted the job, and a recount will tell.
]]
local debt_ms = 300000

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Takes the job out of the backlog counter, now or as soon as it is counted there.
local function leave_backlog(record, counter, now)
  if counter == record then return end
  if tonumber(redis.call('GET', counter) or '0') > 0 then
    redis.call('DECR', counter)
  else
    redis.call('HSET', record, 'owed_until', now + debt_ms)
  end
end

local function owes(record, now)
  return tonumber(redis.call('HGET', record, 'owed_until') or '0') > now
end

local function pay_debt(record, counter, now)
  if not owes(record, now) or tonumber(redis.call('GET', counter) or '0') <= 0 then return end
  redis.call('DECR', counter)
  redis.call('HDEL', record, 'owed_until')
end

-- Puts the job back: a count that was never taken out need not be put back.
local function join_backlog(record, counter, now)
  if counter == record then return end
  if owes(record, now) then
    redis.call('HDEL', record, 'owed_until')
  else
    redis.call('INCR', counter)
  end
end
