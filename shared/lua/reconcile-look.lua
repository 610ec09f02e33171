--[[
  Notes what one look at the queue's counts saw, so that looks of several processes add up to minutes.

  KEYS[1]  the notes (hash video-worker:reconcile:looks)
  ARGV[1]  '1' when the queue holds no message at all
  ARGV[2]  '1' when none of its messages is in flight
  ARGV[3]  milliseconds between two looks beyond which nothing is known of the time between
  ARGV[4]  seconds the notes are kept

  Returns { now, empty since, nothing in flight since }, milliseconds of the server's clock, 0 for "it is not so".
  Looks that lie too far apart begin anew, as they do after a wipe of Redis.
]]
local notes, now = KEYS[1], now_ms()
local last = tonumber(redis.call('HGET', notes, 'last') or '0')
local known = now - last <= tonumber(ARGV[3])
local function since(field, holds)
  if holds ~= '1' then
    redis.call('HSET', notes, field, 0)
    return 0
  end
  local before = tonumber(redis.call('HGET', notes, field) or '0')
  if known and before > 0 then return before end
  redis.call('HSET', notes, field, now)
  return now
end
local empty, idle = since('empty_since', ARGV[1]), since('idle_since', ARGV[2])
redis.call('HSET', notes, 'last', now)
redis.call('EXPIRE', notes, tonumber(ARGV[4]))
return { now, empty, idle }
