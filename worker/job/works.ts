import { catalogueWork } from './catalogue.ts'
import { deleteWork } from './delete.ts'
import { type TranscodePorts, transcodeWork } from './transcode.ts'
import type { JobMessage, Work } from './work.ts'

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
