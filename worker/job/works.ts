import type { CatalogueMessage, TranscodeMessage } from '../../shared/messages.ts'
import { catalogueWork } from './catalogue.ts'
import { deleteWork } from './delete.ts'
import { partWork } from './part.ts'
import { type TranscodePorts, transcodeWork } from './transcode.ts'
import type { JobMessage, VideoWork, Work } from './work.ts'

/** The one list of what a worker can do: which kind of message is which kind of job. body: the message's own. */
export function workFor(message: JobMessage, body: string, ports: TranscodePorts): Work {
  switch (message.kind) {
    case 'transcode':
    case 'catalogue':
      return videoWork(message, body, ports) as Work
    case 'delete':
      return deleteWork(message, ports) as Work
    case 'part':
      return partWork(message, videoWork(message.parent, message.parentBody, ports), ports) as Work
    // A join is its job once more: what is in the bucket is not done again.
    case 'join':
      return videoWork(message.parent, message.parentBody, ports) as Work
  }
}

function videoWork(
  message: TranscodeMessage | CatalogueMessage,
  body: string,
  ports: TranscodePorts,
): VideoWork {
  return message.kind === 'transcode'
    ? transcodeWork(message, body, ports)
    : catalogueWork(message, body, ports)
}
