--[[
  Stands in front of every script of this folder (shared/redis.ts puts it there).

  The API sends a message first and counts it then (contract.md section 3), so a quick worker can claim a job that
  is not in the backlog yet. A counter that stands at 0 cannot be lowered; the record then owes one, and pays when
  the count has come. Whoever looks at the record five minutes later or after, and finds the counter at 0 still, forgets
  the debt: nobody counted the job. One that nobody looked at in that time, since its worker died, is paid however
  late; but for that of a job which has ended: a recount may have paid it (shared/reconcile/judge-counters.ts).
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

local function owes(record)
  return (redis.call('HGET', record, 'owed_until') or '') ~= ''
end

local function pay_debt(record, counter, now)
  local held = redis.call('HMGET', record, 'owed_until', 'state')
  if not held[1] then return end
  local good = tonumber(held[1]) > now
  local counted = tonumber(redis.call('GET', counter) or '0') > 0
  if good and not counted then return end
  local ended = held[2] == 'done' or held[2] == 'dead' or held[2] == 'cancelled'
  if counted and (good or not ended) then redis.call('DECR', counter) end
  redis.call('HDEL', record, 'owed_until')
end

-- Puts the job back: a count that was never taken out need not be put back.
local function join_backlog(record, counter, now)
  if counter == record then return end
  pay_debt(record, counter, now)
  if owes(record) then
    redis.call('HDEL', record, 'owed_until')
  else
    redis.call('INCR', counter)
  end
end
