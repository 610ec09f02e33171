import { SqsError } from './errors.ts'
import { type Call, refusal } from './wire.ts'

type Input = Call['input']

/** Bytes of all bodies of one batch. */
const mostBytes = 1_048_576

/** Runs each entry of a batch: one that is refused fails alone. Throws when the batch itself breaks a rule. */
export function readBatch(
  input: Input,
  run: (entry: Input) => Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const entries = (Array.isArray(input.Entries) ? input.Entries : []) as Input[]
  checkBatch(entries)
  const Successful: object[] = []
  const Failed: object[] = []
  for (const entry of entries) {
    try {
      Successful.push({ Id: entry.Id, ...run(entry) })
    } catch (error) {
      // A queue that does not exist is no entry's fault.
      if (!(error instanceof SqsError) || error.code === 'QueueDoesNotExist') throw error
      const { status, queryError } = refusal(error.code, error.message)
      const Code = queryError.split(';')[0]
      Failed.push({ Id: entry.Id, SenderFault: status < 500, Code, Message: error.message })
    }
  }
  return { Successful, Failed }
}

function checkBatch(entries: readonly Input[]): void {
  const ids = entries.map((entry) => String(entry.Id ?? ''))
  if (entries.length === 0)
    throw new SqsError('EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (entries.length > 10)
    throw new SqsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    )
  const odd = ids.find((id) => !/^[\w-]{1,80}$/.test(id))
  if (odd !== undefined)
    throw new SqsError(
      'InvalidBatchEntryId',
      'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
    )
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new SqsError('BatchEntryIdsNotDistinct', `Id ${twice} repeated.`)
  const bytes = entries.reduce((sum, entry) => sum + Buffer.byteLength(String(entry.MessageBody ?? '')), 0)
  if (bytes > mostBytes)
    throw new SqsError(
      'BatchRequestTooLong',
      `Batch requests cannot be longer than ${mostBytes} bytes. You have sent ${bytes} bytes.`,
    )
}
