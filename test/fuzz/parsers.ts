/**
 * Our own parsers under what nobody would write: bodies of messages, answers of ffprobe, boxes of segments, records
 * of the ledger. Each either understands what it gets or says what is wrong with it in its own words.
 */
import { WorkerError } from '../../shared/errors.ts'
import { parseMessage } from '../../shared/messages.ts'
import { readRecord, writeRecord } from '../../worker/chunk/record.ts'
import { isEmptySegment, parseInit, parseSegment } from '../../worker/media/fmp4.ts'
import { splitSegment } from '../../worker/media/fmp4-split.ts'
import { readSampleIndex } from '../../worker/media/mp4-index.ts'
import { describeSource } from '../../worker/media/probe-facts.ts'
import { chooseVideo, parseHeader } from '../../worker/media/probe-header.ts'
import { parseFrames, parsePackets } from '../../worker/media/probe-packets.ts'
import { sniff } from '../../worker/media/sniff.ts'
import { parseRational } from '../../worker/media/timeline.ts'
import { chance } from '../bench/chance.ts'
import { mutate } from './mutate.ts'
import { type Samples, vary } from './samples.ts'

export interface ParserFindings {
  readonly runs: Readonly<Record<string, number>>
  readonly findings: readonly string[]
}

type Target = (input: Buffer, samples: Samples) => void

const limits = { maxSeconds: 43_200, maxPixels: 67_108_864 }

const targets: Readonly<Record<keyof Samples, Target>> = {
  message(input) {
    const body = input.toString()
    const message = parseMessage(body, { catalogKeyPrefix: 'videos/', bucket: 'media', r2Prefix: '' })
    const keys = 'fileKey' in message ? [message.fileKey] : []
    // Whatever a body holds: no key that leads out of its folder.
    if (keys.some((key) => key.split('/').includes('..'))) throw new Error(`a way out: ${keys}`)
    if (message.kind === 'poison' && !/^[\x20-\x7e]{1,200}$/.test(message.reason))
      throw new Error(`no reason: ${JSON.stringify(message.reason)}`)
  },
  header(input, samples) {
    const { format = {}, streams = [] } = parseHeader(input.toString())
    const stream = chooseVideo(streams, limits)
    const facts = describeSource({
      ...{ demuxer: 'mov', format, streams, stream, silentTracks: 0, limits, bytes: 1e6 },
      timeBase: parseRational(stream.time_base) ?? { num: 1, den: 90_000 },
      frames: parseFrames(samples.frames.toString()),
      listed: { head: parsePackets(samples.packets.toString()), tail: [], complete: true },
    })
    holes(facts)
  },
  packets(input) {
    holes(parsePackets(input.toString()))
  },
  frames(input) {
    holes(parseFrames(input.toString()))
  },
  head: (input) => sniff(input),
  init: (input) => holes(parseInit(input)),
  segment(input) {
    isEmptySegment(input)
    holes(parseSegment(input, 12_800))
  },
  contained: (input) => void splitSegment(input, 1),
  index: (input) => void readSampleIndex(input, 0, 1000),
  record(input, samples) {
    const record = readRecord<{ tracks?: object }>(input.toString())
    if (record && writeRecord(record).text !== samples.record.toString())
      throw new Error('a changed record was believed')
  },
}

/** Every parser, `count` times each, on varied samples. The same seed gives the same inputs. */
export function fuzzParsers(samples: Samples, count: number, seed: number): ParserFindings {
  const runs: Record<string, number> = {}
  const findings: string[] = []
  const names = Object.keys(targets) as (keyof Samples)[]
  for (const [at, name] of names.entries()) {
    const random = chance(seed * 7919 + at)
    for (runs[name] = 0; runs[name] < count; runs[name]++) {
      const lender = samples[names[Math.floor(random() * names.length)]!]
      // By structure and by bytes: JSON that is none is found out at once and tests little.
      const input = vary(samples[name], random) ?? mutate(samples[name], lender, random).data
      try {
        targets[name](input, samples)
      } catch (error) {
        if (error instanceof WorkerError && error.code !== 'internal') continue
        findings.push(`${name} ${runs[name]}: ${error instanceof Error ? error.stack : error}`)
      }
    }
  }
  return { runs, findings }
}

/** Numbers that are none would be written down as null and read as 0 later. */
function holes(facts: object): void {
  const text = JSON.stringify(facts, (_, value) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('a number that is none')
    return value
  })
  if (text === undefined) throw new Error('nothing came out')
}
