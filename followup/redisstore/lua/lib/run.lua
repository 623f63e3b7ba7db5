-- Needs lib/lead and lib/pack.
-- Live runs, by their numbers.
local function run_fields(n)
  n = int(n)
  return 'r' .. n, 'f' .. n, 'k' .. n, 's' .. n
end

local function run_load(n)
  local r, f, k, s = run_fields(n)
  fetch({ r, f, k, s })
  r, f, k, s = get(r), get(f), get(k), get(s)
  if not r then return nil end
  if not f then
    local names = { run_fields(n) }
    r, f, k, s = from_one_field(r)
    set(names[1], r, names[2], f)
    if k then set(names[3], k) end
    if s then set(names[4], s) end
  end
  local run = { n = n, facts = f, token = '', attempt = '', kind = '', stand = 0, ending = '', status = s or '' }
  local step, interval, due, used, tries, started
  run.state, step, interval, due, used, tries, run.rearm, started = string.match(r, STATE)
  run.step, run.interval, run.due = tonumber(step), tonumber(interval), tonumber(due)
  run.used, run.tries, run.started = tonumber(used), tonumber(tries), tonumber(started)
  setmetatable(run, FACTS)
  if k then
    run.token, run.attempt, run.kind, run.stand, run.ending = string.match(k, CLAIM)
    run.stand = tonumber(run.stand)
    if run.attempt ~= '' then run.attempt = common .. run.attempt end
  end
  return run
end

local function run_save(run)
  local r, _, k = run_fields(run.n)
  local state = run.state .. '|' .. int(run.step) .. '|' .. int(run.interval) .. '|' .. int(run.due) .. '|'
    .. int(run.used) .. '|' .. int(run.tries) .. '|' .. run.rearm .. '|' .. int(run.started)
  if run.state == 'armed' then
    set(r, state)
    del(k)
  else
    set(r, state, k, run.token .. '|' .. string.sub(run.attempt, 31) .. '|' .. run.kind .. '|' .. int(run.stand) .. '|' .. run.ending)
  end
end

local ids = {}
local function run_id(n)
  local id = ids[n]
  if not id then
    id = common .. string.format('%06x', n)
    ids[n] = id
  end
  return id
end

local live = {}
for n in string.gmatch(get('lv') or '', '%d+') do
  live[#live + 1] = run_load(tonumber(n))
end

-- Returns what the caller must ask for before anything is written: the assistants of live runs
-- whose queue was not declared; nil if all were.
local function undeclared()
  local need = { 'need' }
  for _, run in ipairs(live) do
    if not K.queue[run.assistant] then need[#need + 1] = run.assistant end
  end
  return need[2] and need
end

local function live_save()
  local ns = {}
  for i, run in ipairs(live) do ns[i] = int(run.n) end
  if #ns == 0 then
    del('lv')
  else
    set('lv', table.concat(ns, ' '))
  end
end

local function live_find(n)
  for i, run in ipairs(live) do
    if run.n == n then return run, i end
  end
end

local function concerned(run, channel, assistant)
  return run.assistant == assistant or run.channel == channel
end

-- Returns the record of a run with its timeline: field <n> of the runs' hash.
local function story_load(run)
  local s = redis.call('HGET', K.runs, int(run.n))
  if s then return cjson.decode(s) end
  return {
    as = run.assistant, cf = run.config, ch = run.channel, la = run.ladder,
    s = run.started, e = 0, r = '', tl = {},
  }
end

local function story_save(n, story)
  redis.call('HSET', K.runs, int(n), cjson.encode(story))
end

-- Tells the assistant what happened. An outcome or reason that is not there yet is null, as in the
-- API, because these words are of closed sets.
local function happening(run, event, step, outcome, reason, text, message)
  local function word(w) return w == '' and 'null' or '"' .. w .. '"' end
  local json = '{"event":"' .. event .. '","run_id":"' .. run_id(run.n) .. '","lead_id":"' .. head.l .. '","step":' .. step
    .. ',"outcome":' .. word(outcome) .. ',"reason":' .. word(reason)
  if text and text ~= '' then json = json .. ',"text":' .. cjson.encode(text) end
  if message and message ~= '' then json = json .. ',"message_id":' .. cjson.encode(message) end
  relay(run.assistant, '{"c":' .. cjson.encode(run.channel) .. ',"f":"followup","v":' .. json .. '}}')
end

-- Makes the current step wait until due. An armed step has no lease, and a step with a lease is not
-- in the due set.
local function run_arm(run, due)
  local was, id = run.state, run_id(run.n)
  run.state, run.token, run.attempt, run.kind, run.stand, run.due = 'armed', '', '', '', 0, due
  run_save(run)
  if was == 'armed' then
    due_set(K.due, K.index, head.t, id, int(due))
  else
    if was then emptied('ZREM', K.leases, id) end
    due_add(K.due, K.index, head.t, id, int(due))
  end
end

-- Ended runs can be read for 30 days. A few of the oldest go whenever another run ends; ended is
-- the number of that run.
local function runs_trim(ended)
  local first = tonumber(get('re') or '1')
  local oldest = first
  local bound = oldest + 4
  while oldest < bound and oldest < num('rs') and oldest ~= ended do
    local s = redis.call('HGET', K.runs, int(oldest))
    if s then
      local e = cjson.decode(s).e
      if e == 0 or e > now - 30 * DAY then break end
      redis.call('HDEL', K.runs, int(oldest))
    elseif live_find(oldest) then
      break
    end
    oldest = oldest + 1
  end
  if oldest ~= first then set('re', int(oldest)) end
end

local function run_close(run, story, reason)
  story.e, story.r = now, reason
  story_save(run.n, story)
  local _, i = live_find(run.n)
  if i then table.remove(live, i) end
  if #live == 0 then
    del('lv', run_fields(run.n))
  else
    del(run_fields(run.n))
    live_save()
  end
  if run.state == 'armed' then
    leaving[#leaving + 1] = run_id(run.n)
  else
    emptied('ZREM', K.leases, run_id(run.n))
  end
  runs_trim(run.n)
end

-- The runs that ended with their step unsent, as scripts report them: flat triples of run id, step
-- and reason.
local ended = {}

-- Ends a run. If its step is in sending, the result is yet to come: the run is marked as ending,
-- and finish ends it. Otherwise the step is cancelled or, if the contact cannot be reached, failed.
local function run_end(run, reason)
  if run.state == 'sending' or run.state == 'crashed' then
    if run.ending == '' then
      run.ending = reason
      run_save(run)
    end
    return
  end
  local outcome = reason == 'undeliverable' and 'failed' or 'cancelled'
  local story = story_load(run)
  story.tl[#story.tl + 1] = { s = run.step + 1, d = run.due, k = 'none', o = outcome, r = reason, a = now }
  run_close(run, story, reason)
  happening(run, reason == 'replied' and 'replied' or 'cancelled', run.step + 1, outcome, reason)
  ended[#ended + 1] = run_id(run.n)
  ended[#ended + 1] = run.step + 1
  ended[#ended + 1] = reason
end

local function runs_end(reason, only)
  local list = {}
  for i, run in ipairs(live) do list[i] = run end
  for _, run in ipairs(list) do
    if not only or only(run) then run_end(run, reason) end
  end
end

-- Takes in that the lead opts out, or opts in again, as of an instant. It does nothing if the lead
-- said something else later; of two words of the same instant, the opt-out counts.
local function opt(out, at)
  local last = num('oa')
  if at < last or (at == last and not out) then return end
  set('oa', int(at))
  if (get('oo') == '1') ~= out then
    set('oo', out and '1' or '')
    changed()
  end
  if out then runs_end('opted_out') end
end

-- Starts a run; facts are those of arm, packed. Returns the run's id, or "" if none may start.
local function run_start(arm, facts)
  if get('oo') == '1' or controls('c:' .. arm.config) ~= '' then return '' end
  local n = inc('rs')
  local run = {
    n = n, assistant = arm.assistant, config = arm.config, channel = arm.channel, ladder = arm.ladder,
    step = 0, interval = arm.interval, used = 0, tries = 0, ending = '', rearm = arm.rearm and '1' or '', started = now,
  }
  local _, f, k, s = run_fields(n)
  fields[k] = false -- a new run has no claim, so nobody need look for it
  set(f, facts)
  if arm.rearm then
    run.status = get('st') or ''
    set(s, run.status)
  end
  live[#live + 1] = run
  live_save()
  run_arm(run, now + arm.interval)
  happening(run, 'scheduled', 1, '', '')
  return run_id(n)
end

-- Attempts are kept for 30 days. Of a lead with many attempts the oldest go as others are made, a
-- few at a time, because there may be thousands. All are looked at if the oldest was never noted,
-- and whenever the number made has doubled, to find those that a merge brought from another lead.
local function attempts_trim()
  if redis.call('HLEN', K.attempts) <= 200 then return end
  local before, made, oldest = now - 30 * DAY, num('as'), num('ao')
  local from = oldest
  if oldest == 0 or math.frexp(made) == 0.5 then
    oldest = made + 1
    local all = redis.call('HGETALL', K.attempts)
    for i = 1, #all, 2 do
      if cjson.decode(all[i + 1]).at < before then
        redis.call('HDEL', K.attempts, all[i])
      elseif string.sub(all[i], 1, 30) == common then
        oldest = math.min(oldest, tonumber(string.sub(all[i], 31), 16))
      end
    end
  else
    for n = oldest, math.min(oldest + 3, made) do
      local packed = redis.call('HGET', K.attempts, run_id(n))
      if packed and cjson.decode(packed).at >= before then break end
      if packed then redis.call('HDEL', K.attempts, run_id(n)) end
      oldest = n + 1
    end
  end
  if oldest ~= from then set('ao', int(oldest)) end
end

-- Attempts: field <attempt id>, {c: channel, w: what its window counted from, at: when it was made,
-- n: run number or 0, s: step, rk: rank of the furthest receipt, f: why the message failed, as that
-- receipt told, o: what its sender wants back, m: message id, done: true once recorded, q: the
-- request that made it, nb: the earliest instant for the run's next message, sp: the earliest
-- instant for this message if this attempt did not send it}.
local function attempt_new(channel, run, step, opaque)
  attempts_trim()
  local id = run_id(inc('as'))
  redis.call('HSET', K.attempts, id, cjson.encode({
    c = channel, w = num('w:' .. channel), at = now, n = run, s = step, rk = 0, o = opaque ~= '' and opaque or nil,
    q = run > 0 and head.q or nil,
  }))
  return id
end

-- Returns the attempt of a step that is in sending, or that was until its guard refused it; nil if
-- there is none.
local function attempt_of(run)
  local packed = run.attempt ~= '' and redis.call('HGET', K.attempts, run.attempt)
  return packed and cjson.decode(packed) or nil
end

-- Notes an instant, nb or sp, in the attempt of a step that is in sending.
local function attempt_note(run, name, at)
  local a = attempt_of(run)
  if not a then return end
  a[name] = math.max(a[name] or 0, at)
  redis.call('HSET', K.attempts, run.attempt, cjson.encode(a))
end

-- Returns the earliest instant at which a step may be due again if this attempt turns out not to
-- have sent it.
local function unsent_from(attempt)
  return attempt and math.max(attempt.nb or 0, attempt.sp or 0) or 0
end

-- The business sent a message outside a run. The silence that a step waits for is measured anew,
-- which never brings a step forward; for a step in sending that counts only if it turns out not to
-- be sent. Returns the assistant if a rearm waits for a word of the business. early says that this
-- word was said before the lead last wrote; no rearm waits for such a word.
local function spoke(channel, assistant, early)
  for _, run in ipairs(live) do
    if concerned(run, channel, assistant) then
      if run.state == 'armed' or run.state == 'claimed' then
        run_arm(run, math.max(run.due, now + run.interval))
      elseif run.state == 'sending' then
        attempt_note(run, 'sp', now + run.interval)
      end
    end
  end
  local status = get('ra:' .. assistant)
  if status and status == (get('st') or '') and not early then
    set('rb:' .. assistant, int(num('w:' .. channel)) .. ' ' .. channel)
    return assistant
  end
end

-- Makes the run's next message go no earlier than at an instant. If a message is in sending, finish
-- applies that to the one behind it.
local function put_off(run, at)
  if run.state == 'armed' or run.state == 'claimed' then
    run_arm(run, math.max(run.due, at))
  else
    attempt_note(run, 'nb', at)
  end
end

-- Whether a rearm waits for a word of the business, the business has spoken, and the lead has not
-- answered since. A reply removes the note of that word (rb), unless an older program settles the
-- reply; then the window shows that the lead has answered, because it moved.
local function spoke_last(assistant)
  local at, channel = string.match(get('rb:' .. assistant) or '', '^(%d+) (.*)$')
  return at and get('ra:' .. assistant) and num('w:' .. channel) == tonumber(at)
end

-- The outcomes that receipts corrected: flat quadruples of run id, step, outcome before, outcome
-- now.
local corrections = {}

-- Whether the step was tried again after this attempt; then this attempt cannot have been the one
-- sent. Attempts made after the step's outcome was recorded belong to other steps.
local function tried_again(id, a, recorded)
  for n = tonumber(string.sub(id, 31), 16) + 1, num('as') do
    local packed = redis.call('HGET', K.attempts, run_id(n))
    local b = packed and cjson.decode(packed)
    if b and b.n == a.n and b.s == a.s then return true end
    if b and b.at > recorded then return false end
  end
  return false
end

-- Corrects the outcome that an attempt led to by what receipts have told so far, if the outcome is
-- recorded already. That an earlier try of the step failed says nothing about the last try. The
-- event has a reason of the new outcome: of sent, the kind of message, if that is known; of failed,
-- what the receipt told, or unknown if an older program took the receipt.
local function correct(id, a)
  if a.n == 0 or a.rk < 2 then return end
  local to = a.rk == 3 and 'failed' or 'sent'
  local s = redis.call('HGET', K.runs, int(a.n))
  if not s then return end
  local story = cjson.decode(s)
  for _, m in ipairs(story.tl) do
    if m.s == a.s then
      local is = m.x or m.o
      local settles = is == 'uncertain' or is == 'sent' and to == 'failed'
      if settles and not (to == 'failed' and tried_again(id, a, m.a)) then
        m.x, m.y = to, now
        if (m.m or '') == '' then m.m = a.m or '' end
        story_save(a.n, story)
        local why = (m.k == 'ai' or m.k == 'template') and m.k or ''
        if to == 'failed' then why = a.f or 'unknown' end
        happening({ n = a.n, assistant = story.as, channel = story.ch }, 'settled', a.s, to, why, nil, m.m)
        for _, v in ipairs({ run_id(a.n), a.s, is, to }) do corrections[#corrections + 1] = v end
      end
      return
    end
  end
end
