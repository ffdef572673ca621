import { useMutation } from '@tanstack/react-query'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Quiet } from '../kit/Table.tsx'
import { materialize } from './api.ts'

/** Asks a worker to bring a view up to the present. */
export function Materialize({ name }: { name: string }) {
  const asked = useMutation({ mutationFn: () => materialize(name) })
  return (
    <>
      <span role="status">
        {asked.isSuccess && <Quiet>A worker does it.</Quiet>}
        {asked.isError && messageOf(asked.error)}
      </span>
      <Button onPress={() => asked.mutate()}>Bring up to date</Button>
    </>
  )
}
