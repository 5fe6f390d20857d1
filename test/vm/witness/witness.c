// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A witness of what goes out: of the bytes of payload that leave a TCP port, how many lie in pages of one file's page cache, and
 * how many elsewhere. Written to the kernel's log when it is unloaded. Only for test/vm.
 */
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/pagemap.h>
#include <linux/tcp.h>
#include <net/net_namespace.h>
#include <net/tcp.h>

static ushort port;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "of the server");
static ulong inode;
module_param(inode, ulong, 0444);
MODULE_PARM_DESC(inode, "number of the file's inode");

static atomic64_t by_reference, otherwise;

static bool is_of_file(const skb_frag_t *frag)
{
	struct address_space *mapping = page_folio(skb_frag_page(frag))->mapping;

	return mapping && !((unsigned long)mapping & 3) && mapping->host && mapping->host->i_ino == inode;
}

static unsigned int look(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	const struct tcphdr *tcp = (const struct tcphdr *)((const u8 *)ip + ip->ihl * 4);
	u64 referred = 0;
	int i;

	if (ip->protocol != IPPROTO_TCP || ntohs(tcp->source) != port)
		return NF_ACCEPT;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		if (is_of_file(&skb_shinfo(skb)->frags[i]))
			referred += skb_frag_size(&skb_shinfo(skb)->frags[i]);
	atomic64_add((s64)referred, &by_reference);
	atomic64_add((s64)(skb->len - ip->ihl * 4 - tcp->doff * 4 - referred), &otherwise);
	return NF_ACCEPT;
}

static const struct nf_hook_ops hook = {
	.hook = look,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_LOCAL_OUT,
	.priority = NF_IP_PRI_LAST,
};

static int __init witness_init(void)
{
	return nf_register_net_hook(&init_net, &hook);
}

static void __exit witness_exit(void)
{
	nf_unregister_net_hook(&init_net, &hook);
	pr_info("witness: %lld bytes by reference, %lld otherwise\n", atomic64_read(&by_reference), atomic64_read(&otherwise));
}

module_init(witness_init);
module_exit(witness_exit);
MODULE_DESCRIPTION("Counts what leaves a TCP port by reference to a file's pages");
MODULE_LICENSE("GPL");
