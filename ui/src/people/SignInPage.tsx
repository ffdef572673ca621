import { useMutation, useQuery } from '@tanstack/react-query'
import { Button } from '../kit/Button.tsx'
import { Field, Form } from '../kit/Field.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { signIn, signInOptions } from './api.ts'
import { Door } from './Door.tsx'
import { returnAddress } from './return-address.ts'

/** Who are you? Leads back to the page that asked. */
export function SignInPage() {
  const options = useQuery(signInOptions()).data
  const problem = new URL(location.href).searchParams.get('problem') ?? undefined
  const mutation = useMutation({
    mutationFn: ({ name, password }: { name: string; password: string }) => signIn(name, password),
    onSuccess: () => location.assign(returnAddress(location)),
  })
  return (
    <Door title="Sign in">
      <Form
        label="Sign in"
        upright
        problem={mutation.error ? messageOf(mutation.error) : problem}
        onSubmit={({ name = '', password = '' }) => mutation.mutate({ name, password })}
      >
        <Field label="User name" name="name" autoComplete="username" required autoFocus />
        <Field label="Password" name="password" type="password" autoComplete="current-password" required />
        <Button submit look="primary" disabled={mutation.isPending}>
          Sign in
        </Button>
      </Form>
      {options?.openId === true && (
        <a href={`/auth/openid?return=${encodeURIComponent(returnAddress(location))}`}>
          Sign in with the identity provider
        </a>
      )}
    </Door>
  )
}
