#!/usr/bin/env python3
"""at_nameserver.py WHERE: who gets in at a nameserver that asks for proofs, and who does not. WHERE is tcp:IP:PORT or
udt:IP:PORT. Prints one line of TAP for each story, numbered by who runs it."""
import sys
import traceback

from prover import Client, Device, Shared, proof

HOST = "ns.example:7000"
ADMIN, FRIENDS, STRANGER, OTHER = Device("admin"), Shared("friends"), Device("stranger"), Device("other")


def rules():
    return "".join(["# for the tests\n", "nas* bind %s\n" % ADMIN.credential, "nas* connect %s\n" % FRIENDS.credential,
                    "room join %s and comments\n" % ADMIN.credential, "open-* bind,connect any\n"])


class At:
    def __init__(self, where):
        self.where, self.mark = where, where[0]

    def client(self):
        return Client(self.where)

    def target(self, action, name):
        return "/%s?host_id=%s" % (action, name)

    def bind(self, key, name):
        client = self.client()
        answer = client.ask_proven(key, self.target("bind", name), host=HOST)
        return client, answer


def who_proves_a_key_of_a_line_binds_and_connects(at):
    h1, answer = at.bind(ADMIN, "nas" + at.mark)
    assert answer.status == 200, answer.body
    h2 = at.client()
    answer = h2.ask_proven(FRIENDS, at.target("connect", "nas" + at.mark), host=HOST)
    assert answer.status == 200 and ("nas%s: 127.0.0.1:" % at.mark) in h2.until(b"\r\n\r\n")
    assert ": 127.0.0.1:" in h1.until(b"\r\n\r\n")


def each_request_that_a_line_is_about_is_asked_for_a_proof(at):
    for method in "GET", "HEAD":
        for target in at.target("bind", "nas"), at.target("connect", "nas"), "/join?session=room&expect=2&name=a":
            for version in "HTTP/1.1", "HTTP/1.0":
                answer = at.client().ask(target, method, version=version)
                assert answer.status == 401 and len(answer.nonce) == 22, (method, target, answer.status)
    assert at.client().ask("/").status == 200
    assert at.client().ask(at.target("bind", "open-" + at.mark)).status == 200
    assert at.client().ask(at.target("join", "x"), "POST").status == 405


def a_head_is_proven_as_a_head(at):
    client = at.client()
    answer = client.ask_proven(ADMIN, at.target("bind", "nas-head"), method="HEAD", host=HOST)
    assert answer.status == 200 and answer.nonce
    assert client.prove(ADMIN, at.target("bind", "nas-head"), answer.nonce, host=HOST).status == 200


def members_of_a_session_are_asked_as_well(at):
    target = "/join?session=room&expect=2&name=" + at.mark
    assert at.client().ask_proven(STRANGER, target, host=HOST).status == 403
    assert at.client().ask_proven(ADMIN, target, host=HOST).status == 200


def a_key_that_no_line_has_gets_403(at):
    for key in STRANGER, Shared("others"), FRIENDS:
        _, answer = at.bind(key, "nas")
        assert answer.status == 403 and answer.nonce is None, answer.status


def a_wrong_signature_gets_401_and_may_try_again(at):
    client = at.client()
    target = at.target("bind", "nas-again" + at.mark)
    nonce = client.ask(target).nonce
    forged = proof(STRANGER, target, nonce, host=HOST).split(", ")[1]
    answer = client.ask(target, headers=["Host: " + HOST, 'Authorization: HX key="%s", %s' % (ADMIN.name, forged)])
    assert answer.status == 401 and answer.nonce == nonce
    assert client.prove(ADMIN, target, nonce, host=HOST).status == 200


def a_proof_is_good_once_and_on_its_connection_alone(at):
    target = at.target("connect", "nas-nobody")
    client, thief = at.client(), at.client()
    nonce = client.ask(target).nonce
    heard = ["Host: " + HOST, "Authorization: " + proof(FRIENDS, target, nonce, host=HOST)]
    assert thief.ask(target, headers=heard).status == 401 # a transcript that was stolen, before it has been used
    answer = client.ask(target, headers=heard)
    assert answer.status == 404 and answer.nonce != nonce
    assert client.ask(target, headers=heard).status == 401 # and afterwards, on the same connection
    assert thief.ask(target, headers=heard).status == 401
    assert client.prove(FRIENDS, target, answer.nonce, host=HOST).status == 404 # which costs one round trip


def a_nonce_of_another_connection_is_none(at):
    target = at.target("bind", "nas-nonce")
    client, other = at.client(), at.client()
    nonce = other.ask(target).nonce
    assert client.ask(target).nonce != nonce
    assert client.prove(ADMIN, target, nonce, host=HOST).status == 401


def what_was_signed_for_another_host_is_of_no_use_here(at):
    """Another nameserver passes our challenge on to somebody who wants to bind there."""
    victim_says = "evil.example:7000"
    target = at.target("bind", "nas-relayed")
    evil = at.client()
    nonce = evil.ask(target).nonce
    passed_on = proof(ADMIN, target, nonce, host=victim_says)
    assert evil.ask(target, headers=["Host: " + victim_says, "Authorization: " + passed_on]).status == 403
    assert evil.ask(target, headers=["Host: " + HOST, "Authorization: " + passed_on]).status == 401


def what_is_no_proof_is_refused(at):
    target = at.target("bind", "nas")
    good = 'HX key="%s", sig="%s"' % (ADMIN.name, "A" * 86)
    rows = [("Basic Zm9vOmJhcg==", 401), ("Bearer x", 401), ("HX", 400), (good[:-2], 400), (good + ", " + good[3:], 400),
            (good.replace("A" * 86, "A" * 3000), 401), ("HX " + "x" * 1000, 400), (good.replace("ed25519", "ed448"), 400),
            (good, 401)]
    for value, status in rows:
        answer = at.client().ask(target, headers=["Host: " + HOST, "Authorization: " + value])
        assert answer.status == status, (value, answer.status)
    twice = at.client().ask(target, headers=["Authorization: " + good, "Authorization: Basic x"])
    assert twice.status == 400


def the_first_key_that_binds_a_name_owns_it(at):
    name = "tofu-" + at.mark
    assert at.bind(FRIENDS, name)[1].status == 403
    holder, answer = at.bind(STRANGER, name)
    assert answer.status == 200, answer.body
    assert at.bind(OTHER, name)[1].status == 403
    assert at.bind(FRIENDS, name)[1].status == 403
    assert at.client().ask(at.target("bind", name)).status == 401
    holder.close()
    assert at.bind(OTHER, name)[1].status == 403
    assert at.bind(STRANGER, name)[1].status == 200
    assert at.client().ask(at.target("connect", name)).status == 200 # everybody may ask


def a_proof_that_is_cut_off_harms_nobody(at):
    target = at.target("bind", "nas")
    for cut in 30, 60, 150, 230:
        client = at.client()
        nonce = client.ask(target).nonce
        whole = "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n" % (target, HOST, proof(ADMIN, target, nonce, host=HOST))
        client.send(whole.encode()[:cut])
        client.close()


STORIES = [who_proves_a_key_of_a_line_binds_and_connects, each_request_that_a_line_is_about_is_asked_for_a_proof,
           a_head_is_proven_as_a_head, members_of_a_session_are_asked_as_well, a_key_that_no_line_has_gets_403,
           a_wrong_signature_gets_401_and_may_try_again, a_proof_is_good_once_and_on_its_connection_alone,
           a_nonce_of_another_connection_is_none, what_was_signed_for_another_host_is_of_no_use_here,
           what_is_no_proof_is_refused, the_first_key_that_binds_a_name_owns_it, a_proof_that_is_cut_off_harms_nobody]


def main():
    if sys.argv[1] == "rules":
        sys.stdout.write(rules())
        return
    at = At(sys.argv[1])
    for story in STORIES:
        name = "%s: %s" % (at.where[:3], story.__name__.replace("_", " "))
        try:
            story(at)
            print("ok - " + name)
        except Exception: # pylint: disable=broad-except
            print("not ok - " + name)
            print("".join("# %s\n" % line for line in traceback.format_exc().splitlines()), end="")
        finally:
            Client.close_all()


if __name__ == "__main__":
    main()
