import { createLogger, type Logger } from '../../../shared/logger.ts'

/** A logger whose lines are kept: level, message and fields. */
export function listen(): {
  logger: Logger
  said: { level: string; msg: string; [field: string]: unknown }[]
} {
  const said: { level: string; msg: string }[] = []
  const write = (line: string) => said.push(JSON.parse(line))
  return { logger: createLogger({ level: 'debug', pretty: false }, {}, { write }), said }
}
