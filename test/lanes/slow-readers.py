"""
Clients that read slowly, in a network of small packets: slow-readers.py PORT CLIENTS BYTES.

Each asks for /big and reads BYTES bytes of the answer, one at a time and by turns; then the word
"read" is printed, and all stay connected until the standard input ends. Node cannot set what makes
the system hold little of an answer: the size of packets and of the buffer they are received in. Over
the loopback interface it would otherwise take megabytes of each at once.
"""
import socket
import sys

port, clients, count = (int(word) for word in sys.argv[1:4])
request = b"GET /big HTTP/1.1\r\nHost: example.test\r\n\r\n"
sockets = []
for _ in range(clients):
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.connect(("127.0.0.1", port))
    client.sendall(request)
    sockets.append(client)
for _ in range(count):
    for client in sockets:
        assert len(client.recv(1)) == 1
print("read", flush=True)
sys.stdin.read()
