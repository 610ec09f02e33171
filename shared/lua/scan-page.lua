--[[
  One page of the keys that match a pattern, with what they hold.

  ARGV[1]  cursor, '0' to begin
  ARGV[2]  pattern of the keys (or a name without a star: that key alone)
  ARGV[3]  keys that are looked at in one page
  ARGV[4…] fields of the hashes; none: the keys hold plain values

  Returns { next cursor ('0' at the end), milliseconds of the server's clock, { { key, value, … }, … } }
  A key may come twice when the table grows meanwhile, and one that is made meanwhile may be missing.
]]
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', tonumber(ARGV[3]))
local rows = {}
for _, key in ipairs(page[2]) do
  local kind = redis.call('TYPE', key).ok
  local row = { key }
  if #ARGV < 4 and kind == 'string' then
    row[2] = redis.call('GET', key)
  elseif #ARGV >= 4 and kind == 'hash' then
    -- In Lua a missing value would end the list.
    local values = redis.call('HMGET', key, unpack(ARGV, 4))
    for index = 1, #ARGV - 3 do row[index + 1] = values[index] or '' end
  end
  if #row > 1 then rows[#rows + 1] = row end
end
return { page[1], now_ms(), rows }
