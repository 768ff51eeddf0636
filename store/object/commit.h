#ifndef SO_STORE_OBJECT_COMMIT_H_
#define SO_STORE_OBJECT_COMMIT_H_

// Commits and annotated tags: their canonical encoding. docs/formats.md has it byte by byte.

#include "base/heap.h"
#include "store/object/object.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PARENTS_MAX 16
#define SO_MESSAGE_LEN_MAX (1u << 20)
#define SO_PERSON_LEN_MAX 512
#define SO_SIGNATURE_LEN 64
#define SO_SIGNER_LEN 32

// Who and when. `name` is free text such as "Ada <ada@example.org>".
typedef struct so_person {
  so_bytes name;
  int64_t time_ms;      // Milliseconds since 1970-01-01T00:00:00Z.
  int16_t zone_minutes;  // East of UTC, -1440..1440.
} so_person;

typedef struct so_commit {
  so_oid root;  // The tree map; none when it is empty.
  so_oid parents[SO_PARENTS_MAX];
  uint32_t parent_count;
  uint64_t generation;  // 1 + the largest of the parents; 1 without parents.
  so_person author;
  so_person committer;
  so_bytes message;
  bool is_signed;
  uint8_t signer[SO_SIGNER_LEN];        // Ed25519 public key.
  uint8_t signature[SO_SIGNATURE_LEN];  // Over the encoding without these last two fields.
} so_commit;

typedef struct so_tag {
  so_oid target;  // Not none.
  so_kind target_kind;
  so_bytes name;
  so_person tagger;
  so_bytes message;
} so_tag;

// so_commit_encode writes the canonical encoding into `out` (appended). LIMIT when a field is
// over its limit (or a name has NUL or LF, a parent is there twice, the generation is not 1 without
// parents or is 1 with parents) or `out` is full.
SO_MUST_USE so_status so_commit_encode(const so_commit *commit, so_buf *out);

// so_commit_decode reads one. Views borrow `payload`. MALFORMED unless it is canonical.
SO_MUST_USE so_status so_commit_decode(so_bytes payload, so_commit *out);

// so_commit_signed_part views what the signature of a signed commit's payload covers: everything
// before signer and signature. Empty when the payload is too short to have them.
so_bytes so_commit_signed_part(so_bytes payload);

SO_MUST_USE so_status so_tag_encode(const so_tag *tag, so_buf *out);
SO_MUST_USE so_status so_tag_decode(so_bytes payload, so_tag *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_OBJECT_COMMIT_H_
