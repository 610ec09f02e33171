import { createRequire } from 'node:module'
import pino from 'pino'
import type { Config } from './config.ts'
import { cleanFields, cleanText } from './log-clean.ts'

export type Logger = pino.Logger

/**
 * A logger that writes one JSON line per call to standard output, with `bindings` on each. Fields and messages are
 * cleaned first (shared/log-clean.ts): no secrets, no query strings, errors with code and kind. Logging never throws
 * and never fails a job (lesson 11). With `pretty` it writes for people, if pino-pretty is installed.
 * `destination` is for tests.
 */
export function createLogger(
  config: Config['log'],
  bindings: Record<string, unknown> = {},
  destination?: pino.DestinationStream,
): Logger {
  const options: pino.LoggerOptions = {
    level: config.level,
    base: cleanFields(bindings),
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      bindings: cleanFields,
      log: cleanFields,
    },
    // Everything is made plain by cleanFields; pino's own serializer would show all properties of an error.
    serializers: { err: (value: unknown) => value },
    hooks: {
      logMethod(args, method) {
        method.apply(this, cleanArguments(args) as Parameters<typeof method>)
      },
    },
  }
  const logger = pino(options, destination ?? (config.pretty ? prettyOutput() : undefined) ?? plainOutput())
  // pino applies formatters.bindings to the root only; children inherit this method from it
  const child = logger.child
  logger.child = function (this: Logger, bindings: pino.Bindings, childOptions?: pino.ChildLoggerOptions) {
    return Reflect.apply(child, this, [cleanFields(bindings), childOptions])
  } as unknown as typeof child
  return logger
}

/** An error as the first argument becomes the field `err`, as pino does, but after cleaning. */
function cleanArguments(args: unknown[]): unknown[] {
  const [first, ...rest] = args
  const cleaned = rest.map((each) => (typeof each === 'string' ? cleanText(each) : each))
  if (first instanceof Error)
    return [{ err: first }, cleaned[0] ?? cleanText(first.message), ...cleaned.slice(1)]
  return [typeof first === 'string' ? cleanText(first) : first, ...cleaned]
}

/** Synchronous, so that the last lines before an exit are not lost; a reader that went away is no reason to die. */
function plainOutput(): pino.DestinationStream {
  const output = pino.destination({ dest: 1, sync: true })
  output.on('error', () => {})
  return output
}

/** As a stream, not as pino's worker thread: that costs 30 MB and loses lines at exit. */
function prettyOutput(): pino.DestinationStream | undefined {
  try {
    const pretty = createRequire(import.meta.url)('pino-pretty') as (
      options: object,
    ) => pino.DestinationStream
    return pretty({
      colorize: process.stdout.isTTY,
      sync: true,
      ignore: 'pid,hostname',
      translateTime: 'HH:MM:ss.l',
    })
  } catch {
    // a development dependency: without it the lines stay JSON
    return undefined
  }
}
