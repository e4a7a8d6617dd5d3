#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ask a DPDK process all that its telemetry knows of a pool and a memzone.

Arguments: the socket, and the name of a mempool and a ring.  Every command of
the process is asked without a parameter, those of pools, rings and memzones with
theirs.  Fails unless each answer is JSON and names what it should.
"""
import json
import socket
import sys

path, name = sys.argv[1:]
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
    client.settimeout(60)
    client.connect(path)
    size = json.loads(client.recv(4096))["max_output_len"]

    def ask(command):
        client.send(command.encode())
        return json.loads(client.recv(size))[command.split(",")[0]]

    commands = ask("/")
    for command in commands:
        ask(command)
    assert name in ask("/mempool/list"), ask("/mempool/list")
    info = ask("/mempool/info," + name)
    assert info["name"] == name and info["size"] == 255, info
    zones = ask("/eal/memzone_list")
    # Of memory that is not the EAL's own it tells nothing.
    infos = [ask(f"/eal/memzone_info,{zone}") for zone in zones]
    assert any(infos) and not all(infos), infos
    if "/ring/list" in commands:
        assert name in ask("/ring/list"), ask("/ring/list")
        assert ask("/ring/info," + name)["name"] == name
    print(len(commands), "commands,", len(zones), "memzones")
