/**
 * The scripts of the Redis engine. Each is one atomic step in one shard; every key carries the shard's hash tag. They
 * know nothing of what the store means: texts go in and out as they are.
 *
 * Times: a first argument that is not empty is the clock (tests); else the server's own counts, so that functions with
 * skewed clocks agree.
 */
const now = `
local function nowMs(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`;

/** The generation of a shard: made when there is none, that is when its data is new or was lost. */
const generation = `
local function generationOf(key, fresh)
  redis.call('SET', key, fresh, 'NX')
  return redis.call('GET', key)
end
`;

export const scripts = {
  /**
   * KEYS: load balancer, texts, leadership, generation, puts. ARGV: clock, fresh generation, need.
   * Answers: now, revision, control, record, epoch, leader, generation, puts, texts as a flat list.
   */
  open: {
    keys: 5,
    lua: `${now}${generation}
local doc = redis.call('HMGET', KEYS[1], 'v', 'c')
local record, texts = false, {}
if ARGV[3] == 'states' then
  record = redis.call('HGET', KEYS[1], 'r')
  texts = redis.call('HGETALL', KEYS[2])
end
local lead = redis.call('HMGET', KEYS[3], 'e', 'l')
return {
  tostring(nowMs(ARGV[1])), doc[1] or '', doc[2] or '', record or '', lead[1] or '', lead[2] or '',
  generationOf(KEYS[4], ARGV[2]), redis.call('GET', KEYS[5]) or '0', texts
}`,
  },
  /**
   * Keeps a change, if nothing changed since it was opened.
   * KEYS: load balancer, texts, leadership, generation, puts, four index sets, due of each of the four lanes, holds.
   * ARGV: 1 revision, 2 epoch, 3 leader, 4 generation, all as opened; 5 new revision, 6 load balancer, 7 control
   * ('': forget it all), 8 record ('': as it was), 9 new epoch, 10 new leader, 11 which indexes (four digits),
   * 12 due of each lane, a comma behind each ('': never), 13 holder ('': nobody), 14 count, 15 life in ms ('': for good), 16 how many texts, then
   * UID and text of each, then the UIDs whose text goes.
   * Answers: puts, or -1 when something changed.
   */
  commit: {
    keys: 14,
    lua: `
local lead = redis.call('HMGET', KEYS[3], 'e', 'l')
if (redis.call('HGET', KEYS[1], 'v') or '') ~= ARGV[1]
  or (lead[1] or '') ~= ARGV[2] or (lead[2] or '') ~= ARGV[3]
  or (redis.call('GET', KEYS[4]) or '') ~= ARGV[4] then
  return -1
end
if ARGV[7] == '' then
  redis.call('DEL', KEYS[1], KEYS[2])
else
  redis.call('HSET', KEYS[1], 'v', ARGV[5], 'c', ARGV[7])
  if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'r', ARGV[8]) end
  if ARGV[15] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[15]) end
  local last = 16 + 2 * tonumber(ARGV[16])
  for at = 17, last, 2 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
  for at = last + 1, #ARGV do redis.call('HDEL', KEYS[2], ARGV[at]) end
end
if ARGV[9] ~= ARGV[2] or ARGV[10] ~= ARGV[3] then redis.call('HSET', KEYS[3], 'e', ARGV[9], 'l', ARGV[10]) end
for at = 1, 4 do
  local change = string.sub(ARGV[11], at, at) == '1' and 'SADD' or 'SREM'
  redis.call(change, KEYS[5 + at], ARGV[6])
end
local lane = 10
for due in string.gmatch(ARGV[12], '([^,]*),') do
  if due == '' then redis.call('ZREM', KEYS[lane], ARGV[6]) else redis.call('ZADD', KEYS[lane], due, ARGV[6]) end
  lane = lane + 1
end
if ARGV[13] == '' then redis.call('HDEL', KEYS[14], ARGV[6]) else redis.call('HSET', KEYS[14], ARGV[6], ARGV[13]) end
if ARGV[14] == '1' then return redis.call('INCR', KEYS[5]) end
return tonumber(redis.call('GET', KEYS[5]) or '0')`,
  },
  /**
   * KEYS: due of each lane. ARGV: clock, limit. Answers: now, when the next comes due ('': none), those that are due;
   * of each lane as many as the limit, so that many of one hide none of another.
   */
  due: {
    keys: 4,
    lua: `${now}
local at = nowMs(ARGV[1])
local keys, seen, next = {}, {}, ''
for lane = 1, #KEYS do
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[lane], '-inf', at, 'LIMIT', 0, ARGV[2])) do
    if not seen[key] then
      seen[key] = true
      keys[#keys + 1] = key
    end
  end
  local later = redis.call('ZRANGEBYSCORE', KEYS[lane], '(' .. at, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if later and (next == '' or tonumber(later) < tonumber(next)) then next = later end
end
return { tostring(at), next, keys }`,
  },
  /** KEYS: leadership, generation. ARGV: clock, fresh generation. Answers: now, epoch, generation. */
  shard: {
    keys: 2,
    lua: `${now}${generation}
return {
  tostring(nowMs(ARGV[1])), redis.call('HGET', KEYS[1], 'e') or '0', generationOf(KEYS[2], ARGV[2])
}`,
  },
  /** KEYS: leadership, generation. ARGV: epoch, generation. Answers: 1, or 0 when another was faster. */
  lead: {
    keys: 2,
    lua: `
if tonumber(redis.call('HGET', KEYS[1], 'e') or '0') >= tonumber(ARGV[1]) then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 'l', 'putting')
return 1`,
  },
  /** KEYS: leadership. ARGV: epoch. */
  complete: {
    keys: 1,
    lua: `
local lead = redis.call('HMGET', KEYS[1], 'e', 'l')
if lead[1] == ARGV[1] and lead[2] == 'putting' then redis.call('HSET', KEYS[1], 'l', 'complete') end
return 0`,
  },
  /** KEYS: window. ARGV: clock, window in ms, most. Answers: -1 when granted, else ms until the next window. */
  budget: {
    keys: 1,
    lua: `${now}
local at, window = nowMs(ARGV[1]), tonumber(ARGV[2])
local start = at - at % window
local last = redis.call('HMGET', KEYS[1], 's', 'u')
local used = last[1] == tostring(start) and tonumber(last[2]) or 0
if used >= tonumber(ARGV[3]) then return start + window - at end
redis.call('HSET', KEYS[1], 's', tostring(start), 'u', used + 1)
redis.call('PEXPIRE', KEYS[1], 10 * window)
return -1`,
  },
  /** KEYS: turn. ARGV: clock, ms. Answers: 1 when it is the caller's. */
  turn: {
    keys: 1,
    lua: `${now}
local at = nowMs(ARGV[1])
if tonumber(redis.call('GET', KEYS[1]) or '0') > at then return 0 end
redis.call('SET', KEYS[1], tostring(at + tonumber(ARGV[2])), 'PX', ARGV[2])
return 1`,
  },
} as const;

export type ScriptName = keyof typeof scripts;
