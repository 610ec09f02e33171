import { catalogueWork } from './job/catalogue.ts'
import { deleteWork } from './job/delete.ts'
import { type TranscodePorts, transcodeWork } from './job/transcode.ts'
import type { Work } from './job/work.ts'
import type { JobMessage } from './worker.ts'

/** The one list of what a worker can do: which kind of message is which kind of job. */
export function workFor(message: JobMessage, ports: TranscodePorts): Work {
  switch (message.kind) {
    case 'transcode':
      return transcodeWork(message, ports) as Work
    case 'delete':
      return deleteWork(message, ports) as Work
    case 'catalogue':
      return catalogueWork(message, ports) as Work
  }
}
