#!/bin/bash
# Every call of docs/rest.md, with curl: usage rest_test.sh STORED STORECTL PUSH
. "$(dirname "$0")/lib.sh"
STORED=$(runfile "$1")
STORECTL=$(runfile "$2")
PUSH=$(runfile "$3")

R=/v1/repos/docs
ZEROS=$(printf '0%.0s' $(seq 64))

# commit JSON [curl arguments]: a transaction; its hash is $(get .commit) then.
commit() { post $R/commits "$@"; }

test_without_token() {
  raw GET /healthz
  want "health needs no token" 200 '.status == "ok"'
  raw GET /v1/openapi.json
  want "openapi.json is JSON and has paths" 200 '.openapi and (.paths | length > 10)'
  raw GET /v1/repos
  want "listing needs a token" 401 '.code == "unauthenticated"'
  raw PUT /v1/repos/docs
  want "an anonymous write is refused" 401 '.code == "unauthenticated" and .status == 401'
  same "a problem has its media type" "$(field content-type)" "application/problem+json"
  req_as nonsense GET /v1/repos
  want "a wrong token is refused" 401
  raw GET /metrics
  want "metrics need a token" 401
}

test_repositories() {
  req PUT $R
  want "a repository is made" 201 '.name == "docs" and .default_branch == "main" and .created'
  req PUT $R
  want "making it again finds it" 200 '.name == "docs"'
  put /v1/repos/other '{"default_branch":"trunk"}'
  want "a default branch can be chosen" 201 '.default_branch == "trunk"'
  req GET $R
  want "one repository" 200 '.name == "docs"'
  req GET /v1/repos
  want "all repositories" 200 '[.repositories[].name] == ["docs","other"]'
  req GET '/v1/repos?limit=1'
  want "the first page" 200 '[.repositories[].name] == ["docs"] and .next == "docs"'
  req GET '/v1/repos?limit=1&after=docs'
  want "the last page" 200 '[.repositories[].name] == ["other"] and (has("next") | not)'
  for bad in .hidden 'a%20b' "$(printf 'a%.0s' $(seq 101))"; do
    req PUT "/v1/repos/$bad"
    want "the name $bad is refused" 400 '.code == "bad_name" or .code == "bad_request"'
  done
  req GET /v1/repos/absent
  want "an absent repository" 404 '.code == "no_such_repository"'
  req PUT /v1/repos/gone
  req DELETE /v1/repos/gone
  want "a repository is deleted" 200
  req GET /v1/repos/gone
  want "and is gone" 404 '.code == "no_such_repository"'
}

test_first_commit() {
  commit '{"branch":"main","expected":null,"message":"first",
    "author":{"name":"Ada <ada@example.org>","time":"2026-01-02T03:04:05+01:00"},
    "operations":[{"op":"put","path":"a.txt","value":"one\ntwo\nthree\n"},
                  {"op":"put","path":"bin","value_base64":"AAECAw==","mode":"755"},
                  {"op":"put","path":"dir/b","value":"b"}]}'
  want "a transaction makes the branch" 201 \
    '.commit and .root and .parents == [] and .author.time == "2026-01-02T03:04:05+01:00"'
  FIRST=$(get .commit)
  req GET $R/commits/main
  want "the commit is the head" 200 ".commit == \"$FIRST\" and .message == \"first\""
  req GET "$R/commits/${FIRST:0:10}"
  want "a prefix of the hash names it" 200 ".commit == \"$FIRST\""
  commit '{"branch":"main","expected":null,"operations":[]}'
  want "expected null refuses a branch that is there" 409 ".code == \"conflict\" and .current == \"$FIRST\""
}

test_values() {
  printf '\000\001\377binary\r\n\000' >"$WORK/bin"
  req PUT "$R/tree/main/x/y.bin?message=add%20it" --data-binary "@$WORK/bin" -H 'Store-Mode: 755'
  want "a value is made" 201 '.commit and .etag'
  local tag
  tag=$(get .etag)
  req GET $R/tree/main/x/y.bin
  want "a value is read" 200
  same_files "binary bytes come back" "$BODY" "$WORK/bin"
  same "the ETag is the hash" "$(field etag)" "\"$tag\""
  same "the mode is kept" "$(field store-mode)" 755
  same "the type is said" "$(field store-type)" file
  same "ranges are offered" "$(field accept-ranges)" bytes
  req GET $R/commits/main
  want "the message is the query's" 200 '.message == "add it"'
  same "length of HEAD" "$(req HEAD $R/tree/main/x/y.bin; field content-length)" "$(wc -c <"$WORK/bin")"
  req GET $R/tree/main/x/y.bin -H "If-None-Match: \"$tag\""
  want "If-None-Match of the same" 304
  req GET $R/tree/main/x/y.bin -H "If-None-Match: \"$ZEROS\""
  want "If-None-Match of another" 200
  req GET $R/tree/main/x/y.bin -H "If-Match: \"$ZEROS\""
  want "If-Match of another" 412 '.code == "precondition_failed"'
  req PUT $R/tree/main/x/y.bin --data-binary new -H "If-Match: \"$ZEROS\""
  want "a write whose condition fails says what is there" 412 ".current == \"$tag\""
  req PUT $R/tree/main/x/y.bin --data-binary new -H "If-None-Match: *"
  want "create-only refuses what is there" 412 ".current == \"$tag\""
  req PUT $R/tree/main/x/new --data-binary new -H "If-Match: *"
  want "If-Match * refuses what is absent" 412 '.current == null'
  req PUT $R/tree/main/x/y.bin --data-binary 0123456789 -H "If-Match: \"$tag\""
  want "a write whose condition holds" 200 '.etag'
  req PUT $R/tree/main/link --data-binary x/y.bin -H 'Store-Type: symlink'
  want "a symlink is made" 201
  req GET $R/tree/main/link
  same "and is one" "$(field store-type)" symlink
  req PUT $R/tree/main/x/m --data-binary m -H 'Store-Mode: 9z'
  want "a bad mode" 400 '.code == "bad_request"'
  req PUT $R/tree/main/empty --data-binary ''
  want "an empty value is made" 201
  req GET $R/tree/main/empty
  want "an empty value is read" 200
  same "and is empty" "$(wc -c <"$BODY")" 0
  req GET $R/tree/main/absent
  want "an absent path" 404 '.code == "no_such_path"'
  req GET $R/tree/nowhere/a.txt
  want "an absent branch" 404 '.code == "no_such_ref"'
  req PUT $R/tree/nowhere/a.txt --data-binary x
  want "a write to an absent branch" 404 '.code == "no_such_ref"'
  req DELETE $R/tree/main/empty -H "If-Match: \"$ZEROS\""
  want "a delete whose condition fails" 412
  req DELETE $R/tree/main/empty
  want "a delete" 200 '.commit'
  req GET $R/tree/main/empty
  want "deleted" 404
  req DELETE $R/tree/main/empty
  want "deleting it again" 404 '.code == "no_such_path"'
  req GET "$R/tree/$FIRST/a.txt"
  want "a value of a commit" 200
  same "a commit's value may be kept for ever" "$(field cache-control | grep -c immutable)" 1
  req PUT $R/tree/main/a.txt/under --data-binary x
  want "a value is no directory" 409 '.code == "path_clash"'
  req PUT $R/tree/main/dir --data-binary x
  want "a directory is no value" 409 '.code == "path_clash"'
}

# range NAME SPEC STATUS CONTENT: of the ten digits in x/y.bin.
range() {
  req GET $R/tree/main/x/y.bin -H "Range: $2"
  want "range $1" "$3"
  [ "$3" = 416 ] || same "content of range $1" "$(cat "$BODY")" "$4"
}

test_ranges() {
  range "in the middle" bytes=2-4 206 234
  same "Content-Range" "$(field content-range)" "bytes 2-4/10"
  range "open" bytes=7- 206 789
  range "suffix" bytes=-3 206 789
  range "beyond the end is cut" bytes=8-100 206 89
  range "whole" bytes=0-9 206 0123456789
  range "after the end" bytes=10- 416
  range "of another unit" lines=1-2 200 0123456789
  req GET $R/tree/main/x/y.bin -H 'Range: bytes=0-1' -H "If-Range: \"$ZEROS\""
  want "If-Range of another value" 200
}

test_large_values() {
  head -c 5242883 /dev/urandom >"$WORK/big"
  req PUT $R/tree/main/big --data-binary "@$WORK/big" -H 'Transfer-Encoding: chunked'
  want "5 MB, chunked" 201
  local tag
  tag=$(get .etag)
  req GET $R/tree/main/big
  want "5 MB are read" 200
  same_files "5 MB come back" "$BODY" "$WORK/big"
  req PUT $R/tree/main/big2 --data-binary "@$WORK/big"
  want "5 MB with a length" 201 ".etag == \"$tag\""
  req GET $R/tree/main/big -H 'Range: bytes=3000000-3099999'
  want "a range of them" 206
  tail -c +3000001 "$WORK/big" | head -c 100000 >"$WORK/part"
  same_files "the range is right" "$BODY" "$WORK/part"
}

test_refs() {
  req GET $R/refs/heads/main
  want "one ref" 200 '.name == "refs/heads/main" and .kind == "commit"'
  local head
  head=$(get .target)
  same "its ETag is the target" "$(field etag)" "\"$head\""
  put $R/refs/heads/feature%2Fx '{"target":"main","message":"why"}' -H 'If-None-Match: *'
  want "create-only makes a branch" 201 ".target == \"$head\" and .name == \"refs/heads/feature/x\""
  put $R/refs/heads/feature%2Fx '{"target":"main~1"}' -H 'If-None-Match: *'
  want "create-only refuses it again" 412 ".current == \"$head\""
  put $R/refs/heads/feature%2Fx '{"target":"main~1"}' -H "If-Match: \"$ZEROS\""
  want "compare-and-swap refuses another" 412 ".code == \"precondition_failed\" and .current == \"$head\""
  put $R/refs/heads/feature%2Fx '{"target":"main~1"}' -H "If-Match: \"$head\""
  want "compare-and-swap moves it" 200 ".target != \"$head\""
  put $R/refs/heads/y '{"target":"nowhere"}'
  want "an unknown target" 404 '.code == "no_such_ref"'
  put $R/refs/heads/y '{}'
  want "no target" 400
  put $R/refs/heads/bad..name '{"target":"main"}'
  want "a bad branch name" 400 '.code == "bad_name"'
  req GET $R/tree/feature%2Fx/a.txt
  want "a branch with a slash in a URL" 200
  put $R/refs/tags/v1 '{"target":"main"}'
  want "a light tag" 201 '.kind == "commit" and .name == "refs/tags/v1"'
  put $R/refs/tags/v2 '{"target":"main","annotated":true,"message":"two","tagger":{"name":"Ada"}}'
  want "an annotated tag" 201 ".kind == \"tag\" and .commit == \"$head\" and .target != \"$head\""
  req GET $R/tree/v2/a.txt
  want "a tag names a commit" 200
  req GET "$R/refs"
  want "all refs" 200 '[.refs[].name] == ["refs/heads/feature/x","refs/heads/main","refs/tags/v1","refs/tags/v2"]'
  req GET "$R/refs?prefix=refs/tags/&limit=1"
  want "refs by prefix and page" 200 '[.refs[].name] == ["refs/tags/v1"] and .next'
  req GET "$R/refs?prefix=refs/tags/&limit=1&after=$(get .next)"
  want "the next page of refs" 200 '[.refs[].name] == ["refs/tags/v2"] and (has("next") | not)'
  post $R/refs "{\"updates\":[{\"ref\":\"refs/heads/p\",\"old\":null,\"new\":\"$head\"},
    {\"ref\":\"refs/heads/q\",\"old\":null,\"new\":\"$head\"}],\"message\":\"two\"}"
  want "two refs at once" 200
  post $R/refs "{\"updates\":[{\"ref\":\"refs/heads/p\",\"old\":\"$head\",\"new\":null},
    {\"ref\":\"refs/heads/q\",\"old\":\"$ZEROS\",\"new\":\"$FIRST\"}]}"
  want "one of two does not hold" 409 ".code == \"ref_changed\" and .ref == \"refs/heads/q\" and .current == \"$head\""
  req GET $R/refs/heads/p
  want "then neither changes" 200 ".target == \"$head\""
  post $R/refs "{\"updates\":[{\"ref\":\"refs/heads/p\",\"old\":\"$head\",\"new\":null},
    {\"ref\":\"refs/heads/q\",\"old\":\"$head\",\"new\":\"$FIRST\"}]}"
  want "when both hold" 200
  req GET $R/refs/heads/p
  want "one is deleted" 404 '.code == "no_such_ref"'
  req GET $R/refs/heads/q
  want "and one has moved" 200 ".target == \"$FIRST\""
  post $R/refs "{\"updates\":[{\"ref\":\"refs/heads/r\",\"new\":\"$(printf 'ab%.0s' $(seq 32))\"}]}"
  want "a ref to nothing is refused" 404
  req DELETE $R/refs/heads/q -H "If-Match: \"$head\""
  want "a delete compares too" 412 ".current == \"$FIRST\""
  req DELETE $R/refs/heads/q
  want "a ref is deleted" 200
  req DELETE $R/refs/heads/q
  want "a second time it is not there" 404
  req GET "$R/reflog?limit=1000"
  want "the ref log" 200 'tostring | contains("refs/heads/feature/x")'
  req GET "$R/reflog?limit=2"
  want "the ref log by pages" 200 '.next'
}

test_listing() {
  local ops i
  ops=$(for i in $(seq -w 0 249); do
    printf '{"op":"put","path":"many/d%s/f%s","value":"%s"},' "${i:0:1}" "$i" "$i"
  done)
  commit "{\"branch\":\"main\",\"operations\":[${ops%,}]}"
  want "250 values in one transaction" 201
  req GET "$R/list/main?prefix=many/&delimiter=/"
  want "a delimiter folds" 200 '.prefixes == ["many/d0/","many/d1/","many/d2/"] and .entries == []'
  req GET "$R/list/main?prefix=a"
  want "an entry" 200 '.entries[0] | .path == "a.txt" and .type == "file" and .mode == "644" and .size == 14 and (.etag | length == 64)'
  : >"$WORK/all"
  local after='' pages=0
  while :; do
    req GET "$R/list/main?prefix=many/&limit=17$after"
    [ "$STATUS" = 200 ] || break
    get '.entries[].path' >>"$WORK/all"
    pages=$((pages + 1))
    after="&after=$(get .next)"
    [ "$(get .next)" != null ] && [ $pages -lt 100 ] || break
  done
  same "pages of 17" "$pages" 15
  same "all pages hold each value once" "$(sort -u "$WORK/all" | wc -l) $(wc -l <"$WORK/all")" "250 250"
  : >"$WORK/all"
  after=
  pages=0
  while :; do
    req GET "$R/list/main?delimiter=/&limit=1$after"
    [ "$STATUS" = 200 ] || break
    get '.entries[].path, .prefixes[]' >>"$WORK/all"
    pages=$((pages + 1))
    after="&after=$(get .next)"
    [ "$(get .next)" != null ] && [ $pages -lt 100 ] || break
  done
  same "folded pages of 1" "$(tr '\n' ' ' <"$WORK/all")" "a.txt big big2 bin dir/ link many/ x/ "
  for bad in limit=0 limit=1001 limit=x delimiter=ab; do
    req GET "$R/list/main?$bad"
    want "list with $bad" 400
  done
}

test_transactions() {
  req GET $R/commits/main
  local base
  base=$(get .commit)
  commit "{\"branch\":\"main\",\"base\":\"$base\",\"operations\":[{\"op\":\"put\",\"path\":\"t/1\",\"value\":\"1\"}]}"
  want "the first of two clients" 201
  commit "{\"branch\":\"main\",\"base\":\"$base\",\"operations\":[{\"op\":\"put\",\"path\":\"t/2\",\"value\":\"2\"}]}"
  want "the second, with another key" 201
  commit "{\"branch\":\"main\",\"base\":\"$base\",\"operations\":[{\"op\":\"put\",\"path\":\"t/1\",\"value\":\"x\"},
    {\"op\":\"put\",\"path\":\"t/2\",\"value\":\"y\"},{\"op\":\"put\",\"path\":\"t/3\",\"value\":\"z\"}]}"
  want "the same keys conflict one by one" 409 '.code == "conflict" and ([.conflicts[] | [.path, .kind]] | sort == [["t/1","exists"],["t/2","exists"]])'
  req GET $R/tree/main/t/3
  want "and nothing was written" 404
  commit "{\"branch\":\"main\",\"base\":\"$base\",\"operations\":[{\"op\":\"unmodified\",\"path\":\"t/1\"},
    {\"op\":\"put\",\"path\":\"t/4\",\"value\":\"4\"}]}"
  want "a read that changed" 409 '(.conflicts[0] | .path == "t/1" and .kind == "unmodified_changed")'
  commit "{\"branch\":\"main\",\"operations\":[{\"op\":\"unmodified\",\"path\":\"t/1\"},{\"op\":\"put\",\"path\":\"t/4\",\"value\":\"4\"}]}"
  want "a read that holds" 201
  commit '{"branch":"main","operations":[{"op":"put","path":"t/4/below","value":"4"}]}'
  want "a path clash" 409 '.conflicts[0].kind == "path_clash"'
  commit '{"branch":"main","operations":[{"op":"put","path":"t/5","value":"a"},{"op":"put","path":"t/5","value":"b"}]}'
  want "a path twice" 400
  commit '{"branch":"main","operations":[{"op":"put","path":"t/6"}]}'
  want "a put without a value" 400 '.operation == 0'
  commit '{"branch":"main","operations":[{"op":"put","path":"ok","value":""},{"op":"frob","path":"x"}]}'
  want "an unknown operation" 400 '.operation == 1'
  commit '{"branch":"main","operations":[{"op":"put","path":"../up","value":"x"}]}'
  want "a path that climbs" 400
  commit "{\"branch\":\"main\",\"expected\":\"$base\",\"operations\":[{\"op\":\"put\",\"path\":\"t/7\",\"value\":\"x\"}]}"
  want "expected is not the head" 409 '.code == "conflict" and .current'
  commit '{"branch":"nowhere","base":"main","operations":[{"op":"put","path":"x","value":"x"}]}'
  want "a base does not make a branch" 404 '.code == "no_such_ref"'
  commit '{"branch":"fresh","operations":[{"op":"put","path":"x","value":"x"}]}'
  want "without a base the branch is made" 201
  commit '{"branch":"main","operations":[{"op":"put","path":"idem","value":"1"}]}' -H 'Idempotency-Key: k1'
  local once
  once=$(get .commit)
  commit '{"branch":"main","operations":[{"op":"put","path":"after-idem","value":"1"}]}'
  commit '{"branch":"main","operations":[{"op":"put","path":"idem","value":"1"}]}' -H 'Idempotency-Key: k1'
  want "an idempotency key repeats the answer" 201 ".commit == \"$once\""
  commit '{"branch":"main","operations":[]}' -H 'Idempotency-Key: a b'
  want "a key with a space" 400 '.code == "bad_request"'
}

# race PATH1 PATH2: two clients at the same time from the same base; prints both statuses.
race() {
  req GET $R/commits/main
  local base pid1 pid2
  base=$(get .commit)
  for n in 1 2; do
    local path=$1
    [ $n = 1 ] || path=$2
    curl_tls -o "$WORK/race$n" -w '%{http_code}' -X POST -H "Authorization: Bearer $TOKEN" \
      --data-binary "{\"branch\":\"main\",\"base\":\"$base\",\"operations\":[{\"op\":\"put\",\"path\":\"$path\",\"value\":\"$n\"}]}" \
      -H 'Content-Type: application/json' "$URL$R/commits" >"$WORK/race$n.status" &
    [ $n = 1 ] && pid1=$! || pid2=$!
  done
  wait $pid1 $pid2
  cat "$WORK/race1.status" "$WORK/race2.status" | fold -w3 | sort | tr '\n' ' '
}

test_races() {
  same "two clients with keys of their own" "$(race race/a race/b)" "201 201 "
  same "two clients with one key" "$(race race/c race/c)" "201 409 "
  CHECKS=$((CHECKS + 1))
  jq -se 'map(select(.code == "conflict")) | .[0].conflicts[0].path == "race/c"' "$WORK/race1" "$WORK/race2" >/dev/null ||
    fail "the loser learns which key"
}

test_history() {
  commit '{"branch":"main","message":"edit","operations":[{"op":"put","path":"a.txt","value":"one\nTWO\nthree\n"},
    {"op":"delete","path":"dir/b"},{"op":"put","path":"added","value":"new\n"}]}'
  local head
  head=$(get .commit)
  req GET "$R/log/main?limit=2"
  want "the log, newest first" 200 ".commits[0].commit == \"$head\" and (.commits | length == 2) and .next"
  req GET "$R/log/main?limit=1000"
  want "the whole log" 200 ".commits[-1].commit == \"$FIRST\" and (has(\"next\") | not)"
  local whole after='' pages=0
  whole=$(get '.commits[].commit' | tr '\n' ' ')
  : >"$WORK/all"
  while :; do
    req GET "$R/log/main?limit=5$after"
    [ "$STATUS" = 200 ] || break
    get '.commits[].commit' >>"$WORK/all"
    pages=$((pages + 1))
    after="&after=$(get .next)"
    [ "$(get .next)" != null ] && [ $pages -lt 100 ] || break
  done
  same "the log by pages" "$(tr '\n' ' ' <"$WORK/all")" "$whole"
  req GET "$R/log/main?path=a.txt"
  want "the log of a path" 200 "[.commits[].commit] == [\"$head\",\"$FIRST\"]"
  req GET "$R/log/main?path=dir"
  want "the log of a directory" 200 "[.commits[].commit] == [\"$head\",\"$FIRST\"]"
  req GET "$R/diff/main~1/main"
  want "a diff" 200 '([.changes[] | [.path, .change]] == [["a.txt","modified"],["added","added"],["dir/b","removed"]])
    and .changes[0].old.etag != .changes[0].new.etag and .changes[1].old == null and .changes[2].new == null'
  req GET "$R/diff/main~1/main?limit=1&after=a.txt"
  want "a page of a diff" 200 '[.changes[].path] == ["added"] and .next == "added"'
  req GET "$R/diff/main~1/main?prefix=dir/"
  want "a diff below a prefix" 200 '[.changes[].path] == ["dir/b"]'
  req GET "$R/diff/main~1/main" -H 'Accept: text/x-diff'
  want "a unified diff" 200
  cp "$BODY" "$WORK/patch"
  rm -rf "$WORK/tree"
  mkdir -p "$WORK/tree/dir"
  printf 'one\ntwo\nthree\n' >"$WORK/tree/a.txt"
  printf b >"$WORK/tree/dir/b"
  CHECKS=$((CHECKS + 1))
  (cd "$WORK/tree" && patch -p1 -s -f <"$WORK/patch" >"$WORK/patch.out" 2>&1) ||
    { fail "patch takes the diff"; cat "$WORK/patch" "$WORK/patch.out"; }
  same "patched" "$(cat "$WORK/tree/a.txt" "$WORK/tree/added")" "$(printf 'one\nTWO\nthree\nnew')"
  same "patch deletes" "$(ls "$WORK/tree/dir" 2>/dev/null)" ""
  req GET "$R/diff/main/nowhere"
  want "a diff with an unknown ref" 404 '.code == "no_such_ref"'
  req GET "$R/tree/main~1/dir/b"
  want "the commit before has what was deleted" 200
  req GET "$R/commits/main%40%7B2000-01-01T00:00:00Z%7D"
  want "before there was a branch" 404 '.code == "no_such_ref"'
}

test_merging() {
  post $R/merge '{"into":"feature/x","from":"main","fast_forward":"only"}'
  want "a fast forward" 200 '.result == "fast_forward" and .commit'
  post $R/merge '{"into":"feature/x","from":"main"}'
  want "nothing to merge" 200 '.result == "up_to_date"'
  commit '{"branch":"feature/x","operations":[{"op":"put","path":"side","value":"x"}]}'
  commit '{"branch":"main","operations":[{"op":"put","path":"mine","value":"y"}]}'
  req GET $R/commits/main
  local before
  before=$(get .commit)
  post $R/merge '{"into":"main","from":"feature/x","fast_forward":"only"}'
  want "no fast forward" 409 '.code == "not_fast_forward"'
  post $R/merge '{"into":"main","from":"feature/x","dry_run":true}'
  want "a dry run merges" 200 '.result == "merged"'
  req GET $R/commits/main
  want "and changes nothing" 200 ".commit == \"$before\""
  post $R/merge '{"into":"main","from":"feature/x","message":"together","author":{"name":"Ada"}}'
  want "a clean merge" 200 '.result == "merged"'
  req GET $R/commits/main
  want "has two parents" 200 '(.parents | length == 2) and .message == "together"'
  commit '{"branch":"feature/x","operations":[{"op":"put","path":"a.txt","value":"one\ntheirs\nthree\n"},
    {"op":"put","path":"new","value":"theirs"},{"op":"delete","path":"added"}]}'
  commit '{"branch":"main","operations":[{"op":"put","path":"a.txt","value":"one\nours\nthree\n"},
    {"op":"put","path":"new","value":"ours"},{"op":"put","path":"added","value":"more\n"}]}'
  before=$(get .commit)
  post $R/merge '{"into":"main","from":"feature/x"}'
  want "conflicts key by key" 409 '.code == "merge_conflict" and ([.conflicts[] | [.path, .kind]] | sort ==
    [["a.txt","content"],["added","modify_delete"],["new","add_add"]])
    and (.conflicts | map(select(.path == "a.txt")) | .[0] | .base and .ours and .theirs)'
  req GET $R/commits/main
  want "a conflict changes nothing" 200 ".commit == \"$before\""
  post $R/merge '{"into":"main","from":"feature/x","resolutions":[{"path":"a.txt","take":"ours"}]}'
  want "some resolutions leave the rest" 409 '[.conflicts[].path] | sort == ["added","new"]'
  post $R/merge '{"into":"main","from":"feature/x","resolutions":[{"path":"a.txt","value":"one\nboth\nthree\n"},
    {"path":"new","take":"theirs"},{"path":"added","take":"delete"}]}'
  want "resolved" 200 '.result == "merged"'
  req GET $R/tree/main/a.txt
  same "by a value" "$(cat "$BODY")" "$(printf 'one\nboth\nthree')"
  req GET $R/tree/main/new
  same "by a side" "$(cat "$BODY")" theirs
  req GET $R/tree/main/added
  want "by a deletion" 404
  post $R/merge '{"into":"main","from":"feature/x","resolutions":[{"path":"a"},{"path":"a"}]}'
  want "bad resolutions" 400
  post $R/merge '{"into":"main","from":"nowhere"}'
  want "an unknown source" 404 '.code == "no_such_ref"'
}

test_tokens() {
  post /v1/tokens '{"name":"reader","grants":[{"repository":"docs","access":"read"}]}'
  want "a token is made" 201 '.token and .id and .name == "reader"'
  local reader id
  reader=$(get .token)
  id=$(get .id)
  req_as "$reader" GET $R/tree/main/a.txt
  want "it reads" 200
  req_as "$reader" PUT $R/tree/main/a.txt --data-binary x
  want "it does not write" 403 '.code == "forbidden"'
  req_as "$reader" GET /v1/repos/other
  want "it does not see another repository" 404 '.code == "no_such_repository"'
  req_as "$reader" PUT /v1/repos/other
  want "nor makes one" 404
  req_as "$reader" GET /v1/repos
  want "and lists its own" 200 '[.repositories[].name] == ["docs"]'
  req_as "$reader" GET /v1/tokens
  want "it lists no tokens" 403
  req_as "$reader" GET /metrics
  want "it sees no metrics" 403
  req GET /v1/tokens
  want "tokens are listed without secrets" 200 "([.tokens[].id] | index(\"$id\")) and ([.tokens[] | has(\"token\")] | any | not)"
  req DELETE "/v1/tokens/$id"
  want "a token is revoked" 200
  req_as "$reader" GET $R/tree/main/a.txt
  want "and is no longer valid" 401 '.code == "unauthenticated"'
  req DELETE "/v1/tokens/$id"
  want "revoking it again" 404
  post /v1/tokens '{"name":"old","expires":"2001-01-01T00:00:00Z","grants":[{"repository":"*","access":"admin"}]}'
  want "a token that has expired is made" 201
  req_as "$(get .token)" GET /v1/repos
  want "and does nothing" 401
  post /v1/tokens '{"name":"x","grants":[{"repository":"*","access":"all"}]}'
  want "an unknown access" 400
}

test_transfer() {
  req GET $R/commits/main
  post $R/fetch "{\"want\":[\"$(get .commit)\"],\"have\":[]}"
  want "a pack" 200
  same "its type" "$(field content-type)" application/x-safeos-pack
  post $R/fetch "{\"want\":[\"$(printf 'ab%.0s' $(seq 32))\"],\"have\":[]}"
  want "an unknown want" 404 '.code == "not_found"'
  req POST $R/push -H 'Content-Type: application/x-safeos-push' --data-binary 'nonsense, not a pack'
  want "a push of nonsense" 400
  test_pushed_paths
}

# push BRANCH PATH...: a push of files at these paths, whatever they are.
push() {
  "$PUSH" "$@" >"$WORK/push"
  req POST $R/push -H 'Content-Type: application/x-safeos-push' --data-binary "@$WORK/push"
}

test_pushed_paths() {
  push pushed a/b a/c
  want "a push of good paths" 200 '.refs[0].name == "refs/heads/pushed"'
  for bad in ../x a/../b /a a//b a/ . nul%00byte; do
    push bad-branch "$bad" good
    want "a push with the path $bad is refused" 400 '.code == "bad_path" and .path'
  done
  push bad-branch a a/b
  want "a push with a path that is a value and a directory" 400 '.code == "bad_path"'
  req GET $R/refs/heads/bad-branch
  want "and no ref was made" 404
  push pushed z
  want "a push over a ref that is there" 409 '.code == "ref_changed"'
}

test_bad_input() {
  commit '{"branch":"main",, }'
  want "broken JSON says where" 400 '.code == "bad_json" and .offset == 17'
  commit "$(printf '[%.0s' $(seq 5000))"
  want "deep JSON" 413 '.code == "too_large"'
  commit '[]'
  want "JSON of another shape" 400
  req POST $R/commits -H 'Content-Type: text/plain' --data-binary '{}'
  want "another media type" 415 '.code == "unsupported_media_type"'
  head -c 8388700 /dev/zero | tr '\0' ' ' >"$WORK/long"
  req POST $R/commits -H 'Content-Type: application/json' --data-binary "@$WORK/long"
  want "a JSON body that is too large" 413 '.code == "too_large"'
  for bad in ../x a/../b a/./b a//b a%00b %ff a%2F..%2Fb; do
    req GET "$R/tree/main/$bad"
    want "reading the path $bad" 400
    req PUT "$R/tree/main/$bad" --data-binary x
    want "writing the path $bad" 400
  done
  req GET "$R/tree/main/$(printf 'p%.0s' $(seq 4097))"
  want "a path of 4097 bytes" 400 '.code == "bad_path"'
  req GET "$R/tree/main~x/a"
  want "a bad ref expression" 400 '.code == "bad_name"'
  req GET "/v1/repos/docs/tree/main/%zz"
  want "bad percent-encoding" 400
  req GET /v1/nothing
  want "no such URL" 404 '.code == "not_found"'
  req DELETE $R/commits
  want "a wrong method" 405 '.code == "method_not_allowed"'
  same "Allow" "$(field allow)" POST
  req PATCH $R/tree/main/a.txt
  want "a method of no route" 405
  same "Allow of a value" "$(field allow)" "GET, HEAD, PUT, DELETE"
  req GET /v1/repos -H "X-Long: $(printf 'x%.0s' $(seq 17000))"
  want "a head that is too large" 431 '.code == "head_too_large"'
}

# tls_lines sends what it reads as it is, over TLS, and prints the answer.
tls_lines() {
  timeout 20 openssl s_client -quiet -no_ign_eof -verify_quiet -CAfile "$DATA.crt" \
    -connect "127.0.0.1:$PORT" 2>/dev/null
}

# refused NAME REQUEST STATUS: the first answer has this status, and nothing after it is answered.
refused() {
  local answer
  answer=$( (printf "$2"; sleep 1) | tls_lines | tr -d '\r')
  same "$1" "$(printf '%s\n' "$answer" | grep -a -o 'HTTP/1.1 [0-9]*' | tr '\n' ' ')" "HTTP/1.1 $3 "
}

test_hostile_bytes() {
  local host="Host: 127.0.0.1\r\n" hidden="GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
  refused "both lengths" "POST $R/commits HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$hidden" 400
  refused "two lengths" "POST $R/commits HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd$hidden" 400
  refused "a space before the colon" "GET /healthz HTTP/1.1\r\n${host}X : y\r\n\r\n$hidden" 400
  refused "no host" "GET /healthz HTTP/1.1\r\n\r\n$hidden" 400
  refused "a folded field" "GET /healthz HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n$hidden" 400
  refused "no HTTP at all" "hello\r\n\r\n" 400
  head -c 20000 /dev/urandom >"$WORK/garbage"
  timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat "$2" >&3' _ "$PORT" "$WORK/garbage" 2>/dev/null
  timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET / HTTP/1.0\r\n\r\n" >&3' _ "$PORT" 2>/dev/null
  timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "\026\003\001\002\000\001\000\001\374\003\003" >&3' _ "$PORT" 2>/dev/null
  CHECKS=$((CHECKS + 1))
  curl -s --noproxy '*' --max-time 20 --tls-max 1.2 --cacert "$DATA.crt" "$URL/healthz" >/dev/null &&
    fail "TLS 1.2 is refused"
}

test_end() {
  raw GET /healthz
  want "the server still answers" 200
  req GET /metrics
  want "metrics" 200
  CHECKS=$((CHECKS + 1))
  grep -q '^# TYPE ' "$BODY" && grep -Eq '^[a-z_]+(\{[^}]*\})? [0-9]+' "$BODY" || fail "metrics are in Prometheus' format"
  CHECKS=$((CHECKS + 1))
  ! grep -q "$TOKEN" "$WORK/log" || fail "the log holds no token"
  req GET $R/commits/main
  local head
  head=$(get .commit)
  server_stop
  same "it stops well" "$SERVER_STATUS" 0
  fsck
  server_start
  req GET $R/commits/main
  want "all is there after a new start" 200 ".commit == \"$head\""
  server_stop
}

server_start
for t in without_token repositories first_commit values ranges large_values refs listing \
  transactions races history merging tokens transfer bad_input hostile_bytes end; do
  "test_$t"
done
finish
