"""udp_echo.py [HOST [PORT]]: a UDP port, on loopback if nothing else is said. Says which one, gives back what comes."""
import socket
import sys

host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((host, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
print(s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(70000)
    s.sendto(data, peer)
