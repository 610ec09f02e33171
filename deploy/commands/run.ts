import type { CommandContext, CommandIo } from './context.ts'
import { dlqDrop, dlqList, dlqRedrive, dlqShow } from './dlq.ts'
import { doctor } from './doctor.ts'
import { drain } from './drain.ts'
import { enqueue } from './enqueue.ts'
import { envDiff, envHistory } from './env-look.ts'
import { envPull } from './env-pull.ts'
import { envPush, envRollback } from './env-push.ts'
import { envVerify } from './env-verify.ts'
import { asCommandError } from './errors.ts'
import { helpText } from './help.ts'
import { jobCancel, jobRetry, jobShow } from './job.ts'
import { parseCommandLine } from './parse.ts'
import { openPorts } from './ports.ts'
import { reconcile } from './reconcile.ts'
import { status } from './status.ts'
import { type CommandName, commands } from './table.ts'

const handlers: Readonly<Record<CommandName, (context: CommandContext) => Promise<void>>> = {
  enqueue,
  status,
  'job show': jobShow,
  'job cancel': jobCancel,
  'job retry': jobRetry,
  'dlq list': dlqList,
  'dlq show': dlqShow,
  'dlq redrive': dlqRedrive,
  'dlq drop': dlqDrop,
  reconcile,
  drain,
  'env push': envPush,
  'env pull': envPull,
  'env diff': envDiff,
  'env verify': envVerify,
  'env history': envHistory,
  'env rollback': envRollback,
  doctor,
}

/** Runs one command line, without node and the program's own name; resolves the exit code. Never rejects. */
export async function runCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const parsed = parseCommandLine(argv)
    if (parsed.kind === 'help') {
      io.print(helpText(parsed.command, parsed.group))
      return 0
    }
    const { command, input } = parsed
    const ports = openPorts(io.env, commands[command].needs, io.signal)
    try {
      await handlers[command]({ ...input, io, ports, json: Boolean(input.flags.json), signal: io.signal })
    } finally {
      ports.close()
    }
    return 0
  } catch (thrown) {
    const { code, exit, message } = asCommandError(io.signal.aborted ? io.signal.reason : thrown)
    io.tell(argv.includes('--json') ? JSON.stringify({ error: { code, message } }) : message)
    return exit
  }
}
