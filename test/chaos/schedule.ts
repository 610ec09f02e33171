/** What one run does to the fleet, and when: all of it decided by the seed. Pure. */
import { chance } from '../bench/chance.ts'

export interface ChaosSize {
  readonly jobs: number
  readonly seconds: number
  readonly seed: number
}

/**
 * Of what a job is made. `short`, `walked` (a few chunks, one worker) and `shared` (over the fleet) can be shown;
 * `hostile` and `unreadable` must be rejected; of `missing` there is no file at all.
 */
export type SourceKind = 'short' | 'walked' | 'shared' | 'hostile' | 'unreadable' | 'missing'

/** What people do, as the product's API tells the fleet. Times in milliseconds from the start. */
export type Act =
  | {
      readonly what: 'upload'
      readonly atMs: number
      readonly video: number
      readonly source: SourceKind
      /** Which of the clips of that kind, from 0 to 1. */
      readonly pick: number
      /** The message is sent twice. */
      readonly twice: boolean
      /** The row is saved so long after the message (lesson 12); 0: before it. */
      readonly lateRowMs: number
    }
  | { readonly what: 'cancel' | 'delete'; readonly atMs: number; readonly video: number }
  | { readonly what: 'poison'; readonly atMs: number; readonly body: string }

/** How many of each are in the deck that injuries are drawn from, and how long each lasts, in seconds. */
const deck = {
  'kill worker': [3, 0, 0],
  'stop worker': [2, 2, 34],
  'drain worker': [2, 0, 0],
  'spot notice': [1, 0, 0],
  'group terminates': [1, 0, 0],
  'kill ffmpeg': [3, 0, 0],
  'stop ffmpeg': [2, 0, 0],
  'redis cut': [2, 1, 12],
  'redis silent': [1, 0, 0],
  'redis slow': [2, 2, 10],
  'redis read-only': [1, 2, 10],
  'redis full': [1, 2, 10],
  'redis wiped': [1, 0, 0],
  'redis killed': [1, 1, 6],
  'bucket 500': [2, 2, 10],
  'bucket SlowDown': [2, 2, 10],
  'bucket cut': [2, 2, 10],
  'bucket slow': [1, 2, 10],
  'bucket corrupt': [2, 2, 10],
  'bucket full': [1, 2, 12],
  'bucket denied': [1, 2, 12],
  'api 500': [1, 2, 12],
  'api 503': [1, 2, 12],
  'api 401': [1, 2, 12],
  'api 404': [1, 2, 12],
  'api 409': [1, 2, 8],
  'api slow': [1, 2, 10],
  'api unheard': [2, 2, 10],
  'queue throttled': [1, 2, 10],
  'queue 500': [1, 2, 10],
  'queue unheard': [1, 2, 8],
  'queue away': [1, 2, 32],
  'queue repeats': [2, 0, 0],
} as const satisfies Record<string, readonly [cards: number, least: number, most: number]>

export type StrikeKind = keyof typeof deck
export const strikeKinds = Object.keys(deck) as readonly StrikeKind[]

export interface Strike {
  readonly atMs: number
  readonly kind: StrikeKind
  /** 0 for what happens once. */
  readonly lastsMs: number
  /** Whom it hits, and how hard: from 0 to 1 each. */
  readonly pick: number
  readonly strength: number
}

export interface Schedule {
  readonly acts: readonly Act[]
  readonly strikes: readonly Strike[]
}

/** One injury in so many milliseconds, on average. */
const gapMs = 3000
/** Jobs arrive over this part of the run, so that the last ones meet the weather too. */
const arrivals = 0.9

export function planChaos({ jobs, seconds, seed }: ChaosSize): Schedule {
  const random = chance(seed)
  const between = (from: number, to: number) => Math.round(from + random() * (to - from))
  const endMs = seconds * 1000
  const acts: Act[] = []
  const kinds = dealt(sources, jobs, random)
  for (const [index, source] of kinds.entries()) {
    const video = index + 1
    const atMs = between(0, endMs * arrivals)
    const [twice, late] = [random() < 0.06, random() < 0.05]
    const lateRowMs = late ? between(500, 8000) : 0
    acts.push({ what: 'upload', atMs, video, source, pick: random(), twice, lateRowMs })
    const roll = random()
    const laterMs = Math.min(endMs, atMs + lateRowMs + between(0, 20_000))
    if (roll < 0.06) acts.push({ what: 'cancel', atMs: laterMs, video })
    else if (roll < 0.13) acts.push({ what: 'delete', atMs: laterMs, video })
  }
  for (let number = 1; number <= Math.ceil(jobs / 40); number++) {
    const body = poison[number % poison.length]!(`${seed}-${number}`)
    acts.push({ what: 'poison', atMs: between(0, endMs * arrivals), body })
  }
  return { acts: inOrder(acts), strikes: planStrikes(endMs, random, between) }
}

function planStrikes(
  endMs: number,
  random: () => number,
  between: (from: number, to: number) => number,
): Strike[] {
  const cards = Object.fromEntries(strikeKinds.map((kind) => [kind, deck[kind][0]])) as Record<
    StrikeKind,
    number
  >
  const strikes = dealt(cards, Math.floor(endMs / gapMs), random).map((kind): Strike => {
    const [, least, most] = deck[kind]
    const lastsMs = between(least * 1000, most * 1000)
    // What lasts is over when the storm is.
    const atMs = between(0, Math.max(0, endMs - lastsMs))
    return { atMs, kind, lastsMs, pick: random(), strength: random() }
  })
  return inOrder(strikes)
}

/** Out of a hundred jobs. */
const sources: Readonly<Record<SourceKind, number>> = {
  short: 70,
  walked: 6,
  shared: 7,
  hostile: 7,
  unreadable: 7,
  missing: 3,
}

/** No jobs, each with something of its own to know it by in the dead-letter queue. */
const poison = [
  (mark: string) => `connection_test ${mark}`,
  (mark: string) => JSON.stringify({ video_id: 7, file_key: `tenants/1/video/raw/${mark}.mp4` }),
  (mark: string) => JSON.stringify({ job_id: mark, video_id: 7, tenant_id: 1, file_key: 'tenants/1/a.mp4' }),
  (mark: string) => JSON.stringify({ action: 'explode', mark }),
]

/** So many of a deck's cards: the whole deck in a random order, again and again, so that each kind has its turn. */
function dealt<Kind extends string>(
  cards: Readonly<Record<Kind, number>>,
  count: number,
  random: () => number,
): Kind[] {
  const whole = (Object.keys(cards) as Kind[]).flatMap((kind) => Array<Kind>(cards[kind]).fill(kind))
  const hand: Kind[] = []
  while (hand.length < count) {
    const order = whole.map((kind) => ({ kind, at: random() })).sort((one, other) => one.at - other.at)
    hand.push(...order.map(({ kind }) => kind))
  }
  return hand.slice(0, count)
}

function inOrder<Timed extends { readonly atMs: number }>(all: readonly Timed[]): Timed[] {
  return all.toSorted((one, other) => one.atMs - other.atMs)
}
