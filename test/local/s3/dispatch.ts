import type { Faults } from '../faults.ts'
import { deleteObjects, listObjects } from './bucket-operations.ts'
import { S3Error } from './errors.ts'
import type { UploadTable } from './multipart.ts'
import {
  abortUpload,
  completeUpload,
  createUpload,
  listParts,
  listUploads,
  uploadPart,
} from './multipart-operations.ts'
import { getObject, putObject } from './object-operations.ts'
import type { ObjectTable, StoredEntry } from './objects.ts'
import { type Reply, xmlReply } from './reply.ts'
import type { S3Request } from './request.ts'
import { xml } from './xml.ts'

export interface Bucket {
  readonly name: string
  readonly objects: ObjectTable
  readonly uploads: UploadTable
}

/** Carries out one request whose signature has been checked; `created` hears of each new object. */
export async function dispatch(
  bucket: Bucket,
  request: S3Request,
  faults: Faults,
  created: (entry: StoredEntry) => void,
): Promise<Reply> {
  const { objects, uploads } = bucket
  if (request.operation === 'ListBuckets') {
    const tree = { Buckets: { Bucket: { Name: bucket.name, CreationDate: new Date(0).toISOString() } } }
    return xmlReply(xml('ListAllMyBucketsResult', tree))
  }
  if (request.operation === 'Unknown')
    throw new S3Error(
      'NotImplemented',
      'A header or query you provided implies functionality that is not here',
    )
  if (request.operation === 'CreateBucket')
    throw request.bucket === bucket.name
      ? new S3Error('BucketAlreadyOwnedByYou', 'The bucket is there already')
      : new S3Error('NotImplemented', 'There is one bucket, made at start')
  if (request.bucket !== bucket.name) throw new S3Error('NoSuchBucket', 'The specified bucket does not exist')
  switch (request.operation) {
    case 'HeadBucket':
      return { status: 200 }
    case 'GetBucketLocation':
      return xmlReply(xml('LocationConstraint', {}))
    case 'ListObjectsV2':
      return listObjects(objects, request)
    case 'DeleteObjects':
      return deleteObjects(objects, request, faults)
    // HEAD answers like GET; sendReply leaves the body out and keeps its length.
    case 'GetObject':
    case 'HeadObject':
      return getObject(objects, request)
    case 'PutObject': {
      const { reply, entry } = await putObject(objects, request)
      created(entry)
      return reply
    }
    case 'DeleteObject':
      objects.delete(request.key)
      return { status: 204 }
    case 'CreateMultipartUpload':
      return createUpload(uploads, request)
    case 'UploadPart':
      return uploadPart(uploads, objects, request)
    case 'CompleteMultipartUpload': {
      const { reply, entry } = await completeUpload(uploads, objects, request)
      created(entry)
      return reply
    }
    case 'AbortMultipartUpload':
      return abortUpload(uploads, request)
    case 'ListParts':
      return listParts(uploads, request)
    case 'ListMultipartUploads':
      return listUploads(uploads, request)
    default:
      throw new S3Error('NotImplemented', `${request.operation} is not implemented`)
  }
}
