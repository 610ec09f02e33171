--[[
  Corrects a counter by what was found wrong with it at every look, once.

  KEYS[1]  the counter
  KEYS[2]  the notes (hash video-worker:reconcile:drift)
  ARGV[1]  since when it was found wrong: the notes must still say so
  ARGV[2]  what is added; never brings it below 0

  Returns the counter after the change, -1 when the notes were begun anew meanwhile (repaired already, or right again)
]]
local since = string.match(redis.call('HGET', KEYS[2], KEYS[1]) or '', '^(%d+) ')
if since ~= ARGV[1] then return -1 end
redis.call('HDEL', KEYS[2], KEYS[1])
local value = math.max(0, tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', value))
return value
