/** The command line of `npm run local`. */
import { basename } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  /** Video files; empty: a sample is made. */
  files: string[]
  /** End after the summary instead of keeping the page up. */
  once: boolean
  /** Worker processes. */
  workers: number
  /** Where the environment of a worker is written that somebody else starts, as in a container; none is started here. */
  env: string | undefined
  /** Where the output tree is left, one folder a video. */
  keep: string | undefined
  /** Of the page; 0: any free one. */
  port: number
}

export const usage = `npm run local -- [options] [video files]

Runs the whole fleet on this machine: a queue, a bucket, Redis, the product's API and real workers; sends the
videos through it, and shows a page that plays them. Without a file it makes a short sample.

  --once        end after the summary: exit code 0, or 1 when a video failed
  --workers N   worker processes (1)
  --env FILE    no worker: write the environment of one to FILE, to be started elsewhere (docker run --env-file FILE)
  --keep DIR    leave the output in DIR, one folder a video
  --port N      port of the page (any free one)
`

/** Throws an Error with a sentence for the person who typed it. */
export function parseOptions(args: string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      once: { type: 'boolean', default: false },
      workers: { type: 'string', default: '1' },
      env: { type: 'string' },
      keep: { type: 'string' },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    files: positionals,
    once: values.once,
    workers: values.env === undefined ? wholeNumber('--workers', values.workers, 1, 64) : 0,
    env: values.env,
    keep: values.keep,
    port: wholeNumber('--port', values.port, 0, 65_535),
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Error(`${name} is ${text}, but must be a whole number from ${least} to ${most}`)
}

/** File names as titles, told apart when two files of different folders have the same. */
export function titlesOf(files: string[]): string[] {
  const names = files.map((file) => basename(file))
  return names.map((name, index) => {
    const earlier = names.slice(0, index).filter((other) => other === name).length
    return earlier === 0 ? name : `${name} (${earlier + 1})`
  })
}
