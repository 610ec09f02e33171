import type { DeadLetter } from '../../shared/queue-dead.ts'
import { now } from '../../shared/time.ts'
import { type CommandContext, confirm, numberFlag, show } from './context.ts'
import { reasonCode, selectionOf, type Walk, walkDeadLetters } from './dead-letters.ts'
import { CommandError } from './errors.ts'
import { duration, factLines, plural, short, tableLines } from './format.ts'
import { usage } from './parse.ts'
import { sendJob } from './send.ts'
import { readTarget } from './target.ts'

const defaultLimit = 50
const all = { min: 0, max: 1e9 }

/** A message as --json shows it. Times in ISO 8601. */
interface LetterLine {
  readonly messageId: string
  readonly code: string
  readonly reason: string | null
  readonly jobId: string | null
  readonly part: string | null
  readonly tenantId: number | null
  readonly videoId: number | null
  readonly group: string | null
  readonly sentAt: string
}

function lineOf(letter: DeadLetter, config: Parameters<typeof readTarget>[1]): LetterLine {
  const target = readTarget(letter.body, config)
  return {
    messageId: letter.messageId,
    code: reasonCode(letter.reason),
    reason: letter.reason ?? null,
    ...{ jobId: target?.jobId ?? null, part: target?.part ?? null },
    ...{ tenantId: target?.tenantId ?? null, videoId: target?.videoId ?? null },
    group: letter.groupId ?? null,
    sentAt: new Date(letter.sentMs).toISOString(),
  }
}

/** Walks the whole queue with `each`, until that says that it has enough; gives back what was not removed. */
async function walked(
  context: CommandContext,
  each: (letter: DeadLetter, walk: Walk) => Promise<'enough' | undefined>,
): Promise<void> {
  const walk = walkDeadLetters(await context.ports.deadLetters(), context.signal)
  try {
    for await (const letter of walk.letters) if ((await each(letter, walk)) === 'enough') return
  } finally {
    await walk.end()
  }
}

export async function dlqList(context: CommandContext): Promise<void> {
  const { config } = context.ports
  const selection = selectionOf(context, config)
  if (context.flags['by-reason']) return listReasons(context, selection.matches)
  const limit = numberFlag(context, 'limit', all) ?? defaultLimit
  const skip = numberFlag(context, 'skip', all) ?? 0
  const found: LetterLine[] = []
  let seen = 0
  let more = false
  await walked(context, async (letter) => {
    if (!selection.matches(letter)) return
    seen += 1
    if (seen <= skip) return
    more = limit > 0 && found.length === limit
    if (more) return 'enough'
    found.push(lineOf(letter, config))
  })
  const rows = found.map((line) => [
    line.messageId,
    duration((now() - Date.parse(line.sentAt)) / 1000),
    line.jobId === null ? '-' : line.part === null ? line.jobId : `${line.jobId}/${line.part}`,
    line.tenantId === null ? '-' : String(line.tenantId),
    line.videoId === null ? '-' : String(line.videoId),
    short(line.reason ?? 'received too often', 100),
  ])
  const lines = tableLines(['message', 'age', 'job', 'tenant', 'video', 'reason'], rows)
  const next = more ? [`… and more: --skip ${skip + found.length}`] : []
  show(context, { messages: found, more }, rows.length === 0 ? ['no such message'] : [...lines, ...next])
}

async function listReasons(context: CommandContext, matches: (letter: DeadLetter) => boolean): Promise<void> {
  const reasons = new Map<string, { count: number; oldestMs: number; example: string }>()
  await walked(context, async (letter) => {
    if (!matches(letter)) return
    const code = reasonCode(letter.reason)
    const known = reasons.get(code) ?? { count: 0, oldestMs: letter.sentMs, example: letter.reason ?? '' }
    known.count += 1
    known.oldestMs = Math.min(known.oldestMs, letter.sentMs)
    reasons.set(code, known)
  })
  const sorted = [...reasons].toSorted(([, a], [, b]) => b.count - a.count)
  const rows = sorted.map(([code, { count, oldestMs, example }]) => [
    ...[code, String(count), duration((now() - oldestMs) / 1000)],
    short(example || 'received too often', 80),
  ])
  const value = sorted.map(([code, { count, oldestMs, example }]) => {
    return { code, count, oldest: new Date(oldestMs).toISOString(), example }
  })
  const lines = tableLines(['reason', 'messages', 'oldest', 'for example'], rows)
  show(context, { reasons: value }, rows.length === 0 ? ['no such message'] : lines)
}

export async function dlqShow(context: CommandContext): Promise<void> {
  const id = context.args[0]!
  const { config } = context.ports
  const found: (LetterLine & { body: string })[] = []
  await walked(context, async (letter) => {
    const line = lineOf(letter, config)
    if (line.messageId !== id && line.jobId !== id.toLowerCase()) return
    found.push({ ...line, body: letter.body })
    // A message is one; of a job there may be several parts.
    return line.messageId === id ? 'enough' : undefined
  })
  if (found.length === 0)
    throw new CommandError('not_found', `The dead-letter queue holds no message or job ${id}`)
  const text = found.map(({ body, ...line }) =>
    [
      ...factLines({
        ...{ message: line.messageId, code: line.code, reason: line.reason ?? 'received too often' },
        ...{ job: line.jobId ?? undefined, part: line.part ?? undefined, group: line.group ?? undefined },
        ...{ tenant: line.tenantId ?? undefined, video: line.videoId ?? undefined, sent: line.sentAt },
      }),
      'body:',
      short(body, 20_000),
    ].join('\n'),
  )
  show(context, { messages: found }, [text.join('\n\n')])
}

/** The flags of redrive and drop: nothing is done to every message by an oversight. */
function neededSelection(context: CommandContext, command: 'dlq redrive' | 'dlq drop') {
  const selection = selectionOf(context, context.ports.config)
  if (selection.narrow === Boolean(context.flags.all))
    throw usage(command, 'needs --reason, --job, --tenant or --message, or else --all')
  return { matches: selection.matches, limit: numberFlag(context, 'limit', { ...all, min: 1 }) ?? Infinity }
}

export async function dlqRedrive(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const { matches, limit } = neededSelection(context, 'dlq redrive')
  const done: { messageId: string; jobId: string | null; result: Redriven }[] = []
  const jobs = new Set<string>()
  try {
    await walked(context, async (letter, walk) => {
      if (!matches(letter)) return
      const jobId = readTarget(letter.body, ports.config)?.jobId ?? null
      // Another part of a video that this run has started over already.
      const result = jobId !== null && jobs.has(jobId) ? 'with_its_job' : await redrive(letter, context)
      if (jobId !== null) jobs.add(jobId)
      await walk.remove(letter)
      done.push({ messageId: letter.messageId, jobId, result })
      return done.length >= limit ? 'enough' : undefined
    })
  } catch (error) {
    if (signal.aborted || done.length > 0)
      context.io.tell(`${plural(done.length, 'message')} redriven before that`)
    throw error
  }
  const sent = done.filter(({ result }) => result === 'sent').length
  const rest = [
    counted(done, 'with_its_job', 'of a job that was sent with another of its messages'),
    counted(done, 'done_already', 'of a job that is done: only deleted'),
  ]
  const line = `${plural(sent, 'message')} sent to ${ports.config.queue.name}`
  show(context, { redriven: done, sent }, [[line, ...rest.filter((text) => text !== '')].join('; ')])
}

type Redriven = 'sent' | 'with_its_job' | 'done_already'

function counted(done: readonly { result: Redriven }[], which: Redriven, words: string): string {
  const count = done.filter(({ result }) => result === which).length
  return count === 0 ? '' : `${count} ${words}`
}

/** Sends one message again. The caller deletes it after: what is interrupted in between is sent twice, and done once. */
async function redrive(letter: DeadLetter, { ports, signal }: CommandContext): Promise<Redriven> {
  const queue = await ports.queue()
  const { groupId } = letter
  const options = { signal, ...(groupId === undefined ? {} : { groupId }) }
  const target = readTarget(letter.body, ports.config)
  if (!target) {
    await queue.send(letter.body, options)
    return 'sent'
  }
  const { sent, state } = await sendJob(target, ports, signal, { groupId })
  if (sent) return 'sent'
  if (state === 'done') return 'done_already'
  // Counted and started over already, perhaps by a redrive that was interrupted before it could send.
  await queue.send(target.body, options)
  return 'sent'
}

export async function dlqDrop(context: CommandContext): Promise<void> {
  const { config } = context.ports
  const { matches, limit } = neededSelection(context, 'dlq drop')
  const dropped: LetterLine[] = []
  const walk = walkDeadLetters(await context.ports.deadLetters(), context.signal)
  try {
    const chosen: DeadLetter[] = []
    for await (const letter of walk.letters) {
      if (matches(letter)) chosen.push(letter)
      if (chosen.length >= limit) break
    }
    if (chosen.length > 0) {
      const codes = [...new Set(chosen.map(({ reason }) => reasonCode(reason)))].join(', ')
      await confirm(context, `Delete ${plural(chosen.length, 'dead message')} for good (${codes})`)
    }
    for (const letter of chosen) {
      await walk.remove(letter)
      dropped.push(lineOf(letter, config))
    }
  } finally {
    await walk.end()
  }
  const none = dropped.length === 0 ? ['no such message'] : []
  const lines = dropped.map((line) => `dropped ${line.messageId} (${line.code}, job ${line.jobId ?? '-'})`)
  show(context, { dropped }, [...none, ...lines])
}
