import { writeEnvironmentFile } from '../environment/file.ts'
import { type Format, formats, renderEnvironment } from '../environment/render.ts'
import { needComplete } from '../environment/roles.ts'
import { runCommandLine } from './ask-program.ts'
import { type CommandContext, show, textFlag } from './context.ts'
import { needStored, targetOf } from './env-shared.ts'
import { CommandError } from './errors.ts'
import { usage } from './parse.ts'

export async function envPull(context: CommandContext): Promise<void> {
  const { signal, io } = context
  const target = targetOf(context, 'env pull')
  const path = textFlag(context, 'out')
  if (path === undefined) throw usage('env pull', '--out is missing')
  const format = formatOf(context)
  const stored = await needStored(context, target.name)
  needComplete(target.role, stored.variables, `Version ${stored.number} of ${target.name}`)

  const line = textFlag(context, 'on-change')
  let ran = false
  const recreate = async () => {
    const said = await runCommandLine(line!, signal).catch((error: Error) => {
      signal.throwIfAborted()
      throw new CommandError('failed', `${path} is new, but ${error.message}. The next pull runs it again`)
    })
    if (said !== '') io.tell(said)
    ran = true
  }
  const onChange = line === undefined ? undefined : recreate
  const text = renderEnvironment(stored.variables, format)
  const changed = await writeEnvironmentFile({ path, text, onChange }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.syscall === undefined) throw error
      throw new CommandError('failed', `${path} could not be written: ${error.message}`)
    },
  )
  const { number, variables } = stored
  const done = {
    parameter: target.name,
    version: number,
    file: path,
    variables: variables.size,
    changed,
    ran,
  }
  const what = changed ? 'written to' : 'already in'
  show(context, done, [`version ${number} of ${target.name} is ${what} ${path}${ran ? '; command run' : ''}`])
}

function formatOf(context: CommandContext): Format {
  const asked = textFlag(context, 'format') ?? 'dotenv'
  const format = formats.find((each) => each === asked)
  if (!format) throw usage('env pull', `--format must be ${formats.join(' or ')}`)
  return format
}
