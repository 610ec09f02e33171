--[[
  Takes a job out of the backlog that had ended before it was counted there (prelude.lua tells of the debt).

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted

  Returns 1 nothing is owed any more, 0 the count has not come yet
]]
local record, counter, now = KEYS[1], KEYS[2], now_ms()
pay_debt(record, counter, now)
return owes(record) and 0 or 1
