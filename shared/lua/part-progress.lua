--[[
  Adds what one part has done to the job's one progress bar, which never goes back.

  KEYS[1]  the part's record
  KEYS[2]  hash of the job's parts: name to "frames speed worker"
  KEYS[3]  the video's progress key
  KEYS[4]  the job's record: once it has ended, its bar is left alone
  ARGV[1]  fencing token of the part's claim
  ARGV[2]  name of the part
  ARGV[3]  frames it has done
  ARGV[4]  frames it does a second now, 0 when it is done
  ARGV[5]  worker
  ARGV[6]  frames of the whole video
  ARGV[7]  seconds to live
  ARGV[8]  percent at which transcoding begins
  ARGV[9]  percent at which it ends
  ARGV[10] JSON of the progress value, whose numbers are filled in here

  Returns the overall percent, or -1 when the part is somebody else's or its job has ended
]]
local held = redis.call('HMGET', KEYS[1], 'token', 'state')
if held[1] and (held[1] ~= ARGV[1] or held[2] ~= 'running') then return -1 end
local job = redis.call('HGET', KEYS[4], 'state')
if job == 'done' or job == 'dead' or job == 'cancelled' then return -1 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
redis.call('EXPIRE', KEYS[2], tonumber(ARGV[7]))
local frames, speed = 0, 0
for _, value in ipairs(redis.call('HVALS', KEYS[2])) do
  local done, fast = string.match(value, '^(%S+) (%S+)')
  frames = frames + tonumber(done)
  speed = speed + tonumber(fast)
end
local total = tonumber(ARGV[6])
local fraction = math.min(1, frames / total)
local first, last = tonumber(ARGV[8]), tonumber(ARGV[9])
local percent = math.floor(first + (last - first) * fraction)
local before = redis.call('GET', KEYS[3])
if before then
  local ok, old = pcall(cjson.decode, before)
  if ok and type(old.percent) == 'number' and old.percent <= last then percent = math.max(percent, old.percent) end
end
local value = cjson.decode(ARGV[10])
value.percent = percent
value.step_percent = math.floor(fraction * 100)
if speed > 0 then value.remaining_seconds = math.ceil(math.max(0, total - frames) / speed) end
redis.call('SET', KEYS[3], cjson.encode(value), 'EX', tonumber(ARGV[7]))
return percent
