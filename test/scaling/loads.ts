import { chance } from '../bench/chance.ts'
import type { Load } from './run.ts'
import type { Upload } from './work.ts'

const hour = 3600
const minutes = (count: number) => 60 * count

/** Between the two, evenly. */
type Range = readonly [least: number, most: number]

/** So many uploads at even chance in a time, each of a length in the range; sorted. */
function uploads(random: () => number, count: number, from: Range, seconds: Range): Upload[] {
  const within = ([least, most]: Range) => least + random() * (most - least)
  return Array.from({ length: count }, () => ({ sent: within(from), seconds: within(seconds) })).toSorted(
    (a, b) => a.sent - b.sent,
  )
}

const lecture: Range = [minutes(20), minutes(90)]
const clip: Range = [minutes(1), minutes(6)]

/** Uploads of a weekday by the hour: teachers upload in the morning and after the evening's lessons. */
const weekday = [1, 0, 0, 0, 0, 1, 2, 4, 9, 12, 8, 5, 4, 5, 6, 5, 4, 5, 7, 10, 14, 16, 8, 3]

/** Every load of the page. The same seed gives the same uploads. */
export function loads(seed: number): Load[] {
  const random = chance(seed)
  const day = weekday.flatMap((count, at) => [
    ...uploads(random, Math.round(0.7 * count), [at * hour, (at + 1) * hour], lecture),
    ...uploads(random, Math.round(0.3 * count), [at * hour, (at + 1) * hour], clip),
  ])
  return [
    {
      name: 'a weekday',
      story: '130 videos in 24 h, most in the morning and the late evening; 70 % lectures, 30 % clips',
      uploads: day.toSorted((a, b) => a.sent - b.sent),
      seconds: 24 * hour,
    },
    {
      name: 'morning burst',
      story: '60 lectures of 20 to 90 minutes within an hour, to a fleet that sleeps',
      uploads: uploads(random, 60, [hour, 2 * hour], lecture),
      seconds: 4 * hour,
    },
    {
      name: 'one five-hour video',
      story: 'alone, among a clip every ten minutes',
      uploads: [
        { sent: minutes(32), seconds: 5 * hour },
        ...Array.from({ length: 18 }, (_, at) => ({ sent: minutes(10 * at + 5), seconds: minutes(3) })),
      ].toSorted((a, b) => a.sent - b.sent),
      seconds: 4 * hour,
    },
    {
      name: 'Spot storm',
      story:
        '15 lectures an hour; after two hours 70 % of the fleet is reclaimed, and for 30 minutes Spot gives 4 instances at most',
      uploads: uploads(random, 60, [0, 4 * hour], lecture),
      seconds: 6 * hour,
      storm: { at: 2 * hour, share: 0.7 },
      available: (now) => (now >= 2 * hour && now < 2.5 * hour ? 4 : Number.POSITIVE_INFINITY),
    },
    {
      name: 'counter corrupted',
      story: 'six clips an hour; after an hour the API counts 60 jobs too many',
      uploads: uploads(random, 36, [0, 6 * hour], clip),
      seconds: 6 * hour,
      corrupted: { at: hour, by: 60 },
    },
    {
      name: 'publisher down',
      story: '40 lectures within an hour, and no metric from 20 minutes after the first until an hour later',
      uploads: uploads(random, 40, [hour, 2 * hour], lecture),
      seconds: 5 * hour,
      publisherDown: { from: hour + minutes(20), to: 2 * hour + minutes(20) },
    },
    {
      name: 'quiet night',
      story: 'one clip every 75 minutes for ten hours',
      uploads: Array.from({ length: 8 }, (_, at) => ({ sent: minutes(75 * at + 11), seconds: minutes(4) })),
      seconds: 10 * hour,
    },
  ]
}
