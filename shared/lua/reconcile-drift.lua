--[[
  Notes by how much a counter is wrong, look for look. Wrong is only what stays so: messages and counts of a fleet at
  work move between two reads.

  KEYS[1]  the notes (hash video-worker:reconcile:drift)
  ARGV[1]  the counter's key
  ARGV[2]  by how much it is too high (above 0) or too low (below 0) at least; 0 when it may be right
  ARGV[3]  milliseconds between two looks beyond which they begin anew
  ARGV[4]  seconds the notes are kept

  Returns { now, since, least, looks }: since when it is wrong in the same direction at every look (milliseconds of the
  server's clock, 0 when it is not), and by how much at every one of them.
]]
local notes, name, wrong, now = KEYS[1], ARGV[1], tonumber(ARGV[2]), now_ms()
if wrong == 0 then
  redis.call('HDEL', notes, name)
  return { now, 0, 0, 0 }
end
local since, last, least, looks = string.match(redis.call('HGET', notes, name) or '', '^(%d+) (%d+) (%-?%d+) (%d+)$')
local goes_on = since and now - tonumber(last) <= tonumber(ARGV[3]) and tonumber(least) * wrong > 0
if goes_on then
  since, looks = tonumber(since), tonumber(looks) + 1
  least = math.abs(wrong) < math.abs(tonumber(least)) and wrong or tonumber(least)
else
  since, least, looks = now, wrong, 1
end
redis.call('HSET', notes, name, string.format('%.0f %.0f %.0f %.0f', since, now, least, looks))
redis.call('EXPIRE', notes, tonumber(ARGV[4]))
return { now, since, least, looks }
