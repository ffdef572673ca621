import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '../kit/Button.tsx'
import { Field, Form } from '../kit/Field.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { acceptInvite, readInvite } from './api.ts'
import { Door } from './Door.tsx'

/** Sets the password of who was invited. The secret stands behind the `#`, which no server is sent and no log keeps. */
export function InvitePage() {
  const [secret] = useState(() => location.hash.slice(1))
  const invited = useQuery({
    queryKey: ['people', 'invite'],
    queryFn: () => readInvite(secret),
    retry: false,
    staleTime: Infinity,
  })
  const mutation = useMutation({
    mutationFn: (password: string) => acceptInvite(secret, password),
    onSuccess: () => location.assign('/'),
  })
  return (
    <Door title="Choose a password">
      <Loaded query={invited}>
        {({ name }) => (
          <Form
            label="Choose a password"
            upright
            problem={mutation.error ? messageOf(mutation.error) : undefined}
            onSubmit={({ password = '' }) => mutation.mutate(password)}
          >
            <p>
              You sign in as <strong>{name}</strong>. The password has at least 12 characters.
            </p>
            <Field
              label="Password"
              name="password"
              type="password"
              autoComplete="new-password"
              minLength={12}
              required
              autoFocus
            />
            <Button submit look="primary" disabled={mutation.isPending}>
              Set it and sign in
            </Button>
          </Form>
        )}
      </Loaded>
    </Door>
  )
}
