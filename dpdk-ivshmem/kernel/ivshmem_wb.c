// SPDX-License-Identifier: GPL-2.0
/*
 * Write-back mappings of BAR 2 of ivshmem devices.
 *
 * What sysfs maps as resource2 is uncached, although it is the host's ordinary
 * memory.  For each PCI device 1af4:1110 there is /dev/ivshmem/ADDRESS here, as
 * in /dev/ivshmem/0000:00:04.0, whose mmap() is the same memory write-back, with
 * entries of 2 MiB wherever address, offset and length allow.
 *
 * The module is not the device's driver: vfio-pci or uio may be that meanwhile,
 * for its interrupts.  It claims nothing and enables nothing.
 *
 * In the class ivshmem_wb each device has the attributes
 *   memory_type    of the entries in page tables: write-back
 *   recorded_type  what the kernel has recorded of the memory while somebody has
 *                  it open, as in debugfs x86/pat_memtype_list; else "none"
 *   entries_2m     how many entries of that size were made since the module knows
 *   entries_4k     the device
 *
 * Entries are made in fault handlers and by hand.  vmf_insert_pfn() would take the
 * type from the kernel's record, which says uncached-minus wherever an MTRR says
 * uncachable.  Firmware sets such for all memory of PCI devices (OVMF) or that below
 * 4 GiB (SeaBIOS); but in a virtual machine it is the page table that counts.
 */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/notifier.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/pseudo_fs.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/version.h>

#if !defined(CONFIG_X86_64) || !defined(CONFIG_TRANSPARENT_HUGEPAGE)
#error "for x86-64, with CONFIG_TRANSPARENT_HUGEPAGE"
#endif

#define PCI_DEVICE_ID_IVSHMEM 0x1110
#define BAR 2
#define MINORS (MINORMASK + 1)
#define FS_MAGIC 0x69767362 /* "ivsb" */

/*
 * struct ivshmem - one device
 *
 * It lives until the last file is closed, which may be after the device is gone.
 * A mapping holds its file.
 *
 * @mapping: of all files, so that all mappings can be found; its inode has S_DAX,
 *	without which kernels before 6.10 make no entries of 2 MiB here
 * @void_page: what mappings show when the device is gone
 * @lock: for what follows; taken inside mmap_lock
 * @pdev: NULL when the device is gone
 * @users: files
 * @first_pfn: of the BAR, while there are users
 * @pages: of the BAR, while there are users
 * @record: a mapping of the BAR that keeps the kernel's record of its type, while
 *	there are users and the device
 */
struct ivshmem {
	struct device dev;
	struct cdev cdev;
	struct list_head link;
	struct inode *mapping;
	struct page *void_page;
	atomic_long_t entries_2m;
	atomic_long_t entries_4k;

	struct rw_semaphore lock;
	struct pci_dev *pdev;
	unsigned int users;
	unsigned long first_pfn;
	unsigned long pages;
	void __iomem *record;
};

static LIST_HEAD(devices);
static DEFINE_MUTEX(devices_lock);
static DEFINE_IDA(minors);
static dev_t first_devt;
static struct vfsmount *mount;

/* ---- entries in page tables ------------------------------------------------ */

/* vm_page_prot of a mapping without pgprot_noncached() is write-back. */
static pgprot_t entry_prot(const struct vm_area_struct *vma)
{
	return pgprot_decrypted(vma->vm_page_prot);
}

struct entry {
	unsigned long pfn;
	pgprot_t prot;
};

static int set_entry(pte_t *pte, unsigned long address, void *data)
{
	const struct entry *entry = data;

	if (pte_none(*pte))
		set_pte(pte, pte_mkspecial(pfn_pte(entry->pfn, entry->prot)));
	return 0;
}

static vm_fault_t insert_4k(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	struct entry entry = { pfn, entry_prot(vma) };

	/* Another thread may have made a large one. */
	if (pmd_leaf(READ_ONCE(*vmf->pmd)))
		return VM_FAULT_NOPAGE;
	if (apply_to_page_range(vma->vm_mm, vmf->address & PAGE_MASK, PAGE_SIZE,
				set_entry, &entry) != 0)
		return VM_FAULT_OOM;
	return VM_FAULT_NOPAGE;
}

/* What get_user_pages_fast() must know: there are no struct pages behind it. */
static pmd_t pmd_without_pages(pmd_t pmd)
{
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	return pmd_mkspecial(pmd);
#else
	return pmd_mkdevmap(pmd);
#endif
}

static vm_fault_t insert_2m(struct vm_fault *vmf, unsigned long pfn)
{
	struct vm_area_struct *vma = vmf->vma;
	pmd_t entry = pmd_mkhuge(pfn_pmd(pfn, entry_prot(vma)));
	spinlock_t *lock = pmd_lock(vma->vm_mm, vmf->pmd);

	/* Otherwise the access is tried again with what is there. */
	if (pmd_none(*vmf->pmd))
		set_pmd(vmf->pmd, pmd_without_pages(entry));
	spin_unlock(lock);
	return VM_FAULT_NOPAGE;
}

static vm_fault_t fault_4k(struct vm_fault *vmf)
{
	struct ivshmem *iv = vmf->vma->vm_private_data;
	vm_fault_t ret;

	down_read(&iv->lock);
	if (iv->pdev == NULL) {
		ret = insert_4k(vmf, page_to_pfn(iv->void_page));
	} else if (vmf->pgoff >= iv->pages) {
		ret = VM_FAULT_SIGBUS;
	} else {
		ret = insert_4k(vmf, iv->first_pfn + vmf->pgoff);
		atomic_long_inc(&iv->entries_4k);
	}
	up_read(&iv->lock);
	return ret;
}

/* VM_FAULT_FALLBACK leads to fault_4k(). */
static vm_fault_t fault_2m(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ivshmem *iv = vma->vm_private_data;
	unsigned long start = vmf->address & PMD_MASK, pgoff;
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (start < vma->vm_start || vma->vm_end - start < PMD_SIZE)
		return VM_FAULT_FALLBACK;
	pgoff = linear_page_index(vma, start);
	down_read(&iv->lock);
	if (iv->pdev != NULL && pgoff < iv->pages &&
	    iv->pages - pgoff >= PTRS_PER_PMD &&
	    IS_ALIGNED(iv->first_pfn + pgoff, PTRS_PER_PMD)) {
		ret = insert_2m(vmf, iv->first_pfn + pgoff);
		atomic_long_inc(&iv->entries_2m);
	}
	up_read(&iv->lock);
	return ret;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static vm_fault_t huge_fault(struct vm_fault *vmf, enum page_entry_size size)
{
	return size == PE_SIZE_PMD ? fault_2m(vmf) : VM_FAULT_FALLBACK;
}
#else
static vm_fault_t huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return order == PMD_SHIFT - PAGE_SHIFT ? fault_2m(vmf) :
						 VM_FAULT_FALLBACK;
}
#endif

static const struct vm_operations_struct vm_ops = {
	.fault = fault_4k,
	.huge_fault = huge_fault,
};

/* ---- files ----------------------------------------------------------------- */

/* With lock held for writing. */
static int record_type(struct ivshmem *iv)
{
	const struct resource *bar;

	if (iv->pdev == NULL)
		return -ENODEV;
	bar = &iv->pdev->resource[BAR];
	/* The kernel has found no place for it. */
	if (!(bar->flags & IORESOURCE_MEM) || (bar->flags & IORESOURCE_UNSET) ||
	    bar->start == 0 || resource_size(bar) < PAGE_SIZE)
		return -ENXIO;
	iv->record = ioremap_cache(bar->start, resource_size(bar));
	if (iv->record == NULL)
		return -ENOMEM;
	iv->first_pfn = bar->start >> PAGE_SHIFT;
	iv->pages = resource_size(bar) >> PAGE_SHIFT;
	return 0;
}

static void forget_type(struct ivshmem *iv)
{
	if (iv->record != NULL)
		iounmap(iv->record);
	iv->record = NULL;
}

static int open(struct inode *inode, struct file *file)
{
	struct ivshmem *iv = container_of(inode->i_cdev, struct ivshmem, cdev);
	int ret = 0;

	down_write(&iv->lock);
	if (iv->users == 0 || iv->pdev == NULL)
		ret = record_type(iv);
	if (ret == 0)
		iv->users++;
	up_write(&iv->lock);
	if (ret != 0)
		return ret;
	file->private_data = iv;
	file->f_mapping = iv->mapping->i_mapping;
	return 0;
}

static int release(struct inode *inode, struct file *file)
{
	struct ivshmem *iv = file->private_data;

	down_write(&iv->lock);
	if (--iv->users == 0)
		forget_type(iv);
	up_write(&iv->lock);
	return 0;
}

static void set_flags(struct vm_area_struct *vma, vm_flags_t flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

/*
 * Nothing is mapped here.  VM_DONTEXPAND: what is checked here holds for whatever
 * mremap() and munmap() leave of it.
 */
static int map(struct file *file, struct vm_area_struct *vma)
{
	struct ivshmem *iv = file->private_data;
	unsigned long pages;

	/* There are no struct pages to copy from when it is written to. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	down_read(&iv->lock);
	pages = iv->pdev != NULL ? iv->pages : 0;
	up_read(&iv->lock);
	if (pages == 0)
		return -ENODEV;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	set_flags(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = iv;
	vma->vm_ops = &vm_ops;
	return 0;
}

static const struct file_operations file_ops = {
	.owner = THIS_MODULE,
	.open = open,
	.release = release,
	.mmap = map,
	.llseek = noop_llseek,
};

/* ---- attributes ------------------------------------------------------------ */

static struct ivshmem *to_ivshmem(struct device *dev)
{
	return container_of(dev, struct ivshmem, dev);
}

static ssize_t memory_type_show(struct device *dev,
				struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "write-back\n");
}
static DEVICE_ATTR_RO(memory_type);

static ssize_t recorded_type_show(struct device *dev,
				  struct device_attribute *attr, char *text)
{
	struct ivshmem *iv = to_ivshmem(dev);
	const char *type = "none";
	unsigned int level;
	pte_t *pte;

	down_read(&iv->lock);
	pte = iv->record == NULL ? NULL :
		lookup_address((unsigned long)iv->record, &level);
	if (pte != NULL)
		type = pte_flags(*pte) & (_PAGE_PCD | _PAGE_PWT) ?
			"uncached-minus" : "write-back";
	up_read(&iv->lock);
	return sysfs_emit(text, "%s\n", type);
}
static DEVICE_ATTR_RO(recorded_type);

static ssize_t entries_2m_show(struct device *dev,
			       struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%ld\n",
			  atomic_long_read(&to_ivshmem(dev)->entries_2m));
}
static DEVICE_ATTR_RO(entries_2m);

static ssize_t entries_4k_show(struct device *dev,
			       struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%ld\n",
			  atomic_long_read(&to_ivshmem(dev)->entries_4k));
}
static DEVICE_ATTR_RO(entries_4k);

static struct attribute *ivshmem_attrs[] = {
	&dev_attr_memory_type.attr,
	&dev_attr_recorded_type.attr,
	&dev_attr_entries_2m.attr,
	&dev_attr_entries_4k.attr,
	NULL,
};
ATTRIBUTE_GROUPS(ivshmem);

/* ---- devices --------------------------------------------------------------- */

static struct class class = {
	.name = "ivshmem_wb",
};

static void free_device(struct device *dev)
{
	struct ivshmem *iv = to_ivshmem(dev);

	if (iv->mapping != NULL)
		iput(iv->mapping);
	if (iv->void_page != NULL)
		__free_page(iv->void_page);
	pci_dev_put(iv->pdev);
	if (dev->devt != 0)
		ida_free(&minors, MINOR(dev->devt) - MINOR(first_devt));
	kfree(iv);
}

/* On failure, free_device() releases what there is. */
static int fill_device(struct ivshmem *iv, struct pci_dev *pdev)
{
	int minor = ida_alloc_max(&minors, MINORS - 1, GFP_KERNEL);
	struct inode *inode;

	if (minor < 0)
		return minor;
	iv->dev.devt = MKDEV(MAJOR(first_devt), MINOR(first_devt) + minor);
	iv->pdev = pci_dev_get(pdev);
	iv->void_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (iv->void_page == NULL)
		return -ENOMEM;
	inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->i_flags |= S_DAX;
	iv->mapping = inode;
	cdev_init(&iv->cdev, &file_ops);
	iv->cdev.owner = THIS_MODULE;
	/* In /dev the "!" becomes a "/". */
	return dev_set_name(&iv->dev, "ivshmem!%s", pci_name(pdev));
}

static int add_device(struct pci_dev *pdev)
{
	struct ivshmem *iv = kzalloc(sizeof(*iv), GFP_KERNEL);
	int ret;

	if (iv == NULL)
		return -ENOMEM;
	init_rwsem(&iv->lock);
	device_initialize(&iv->dev);
	iv->dev.class = &class;
	iv->dev.groups = ivshmem_groups;
	iv->dev.release = free_device;
	ret = fill_device(iv, pdev);
	if (ret == 0)
		ret = cdev_device_add(&iv->cdev, &iv->dev);
	if (ret != 0) {
		put_device(&iv->dev);
		return ret;
	}
	mutex_lock(&devices_lock);
	list_add(&iv->link, &devices);
	mutex_unlock(&devices_lock);
	return 0;
}

/*
 * What is mapped shows one page of nothing from now on: neither does its owner get
 * a signal, nor does it ever reach what comes to be at these addresses.
 */
static void remove_device(struct ivshmem *iv)
{
	struct pci_dev *pdev = iv->pdev;

	cdev_device_del(&iv->cdev, &iv->dev);
	down_write(&iv->lock);
	iv->pdev = NULL;
	up_write(&iv->lock);
	unmap_mapping_range(iv->mapping->i_mapping, 0, 0, 1);
	down_write(&iv->lock);
	forget_type(iv);
	up_write(&iv->lock);
	pci_dev_put(pdev);
	put_device(&iv->dev);
}

/* Takes it off the list. */
static struct ivshmem *find_device(const struct pci_dev *pdev)
{
	struct ivshmem *iv, *found = NULL;

	mutex_lock(&devices_lock);
	list_for_each_entry(iv, &devices, link)
		if (iv->pdev == pdev)
			found = iv;
	if (found != NULL)
		list_del(&found->link);
	mutex_unlock(&devices_lock);
	return found;
}

/* Where the device is, udev loads the module. */
static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, PCI_DEVICE_ID_IVSHMEM) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static void add_if_ours(struct pci_dev *pdev)
{
	int ret;

	if (pci_match_id(ids, pdev) == NULL)
		return;
	ret = add_device(pdev);
	if (ret != 0)
		pci_warn(pdev, "ivshmem_wb: not in /dev/ivshmem: error %d\n",
			 ret);
}

static int notified(struct notifier_block *block, unsigned long event,
		    void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct ivshmem *iv;

	if (event == BUS_NOTIFY_ADD_DEVICE) {
		add_if_ours(pdev);
	} else if (event == BUS_NOTIFY_DEL_DEVICE) {
		iv = find_device(pdev);
		if (iv != NULL)
			remove_device(iv);
	}
	return NOTIFY_OK;
}

static struct notifier_block notifier = {
	.notifier_call = notified,
};

/* With the lock, none is added or removed meanwhile. */
static int watch(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	pci_lock_rescan_remove();
	ret = bus_register_notifier(&pci_bus_type, &notifier);
	if (ret == 0)
		for_each_pci_dev(pdev)
			add_if_ours(pdev);
	pci_unlock_rescan_remove();
	return ret;
}

/* No file is open any more: it would keep the module. */
static void unwatch(void)
{
	struct ivshmem *iv, *next;

	pci_lock_rescan_remove();
	bus_unregister_notifier(&pci_bus_type, &notifier);
	pci_unlock_rescan_remove();
	list_for_each_entry_safe(iv, next, &devices, link)
		remove_device(iv);
}

/* ---- module ---------------------------------------------------------------- */

static int init_fs(struct fs_context *fc)
{
	return init_pseudo(fc, FS_MAGIC) != NULL ? 0 : -ENOMEM;
}

/*
 * For inodes of our own.  Without an owner: its mount would keep the module.
 */
static struct file_system_type fs = {
	.name = "ivshmem_wb",
	.init_fs_context = init_fs,
	.kill_sb = kill_anon_super,
};

static int __init start(void)
{
	int ret;

	mount = kern_mount(&fs);
	if (IS_ERR(mount))
		return PTR_ERR(mount);
	ret = alloc_chrdev_region(&first_devt, 0, MINORS, "ivshmem_wb");
	if (ret != 0)
		goto unmount;
	ret = class_register(&class);
	if (ret != 0)
		goto unregister;
	ret = watch();
	if (ret == 0)
		return 0;
	class_unregister(&class);
unregister:
	unregister_chrdev_region(first_devt, MINORS);
unmount:
	kern_unmount(mount);
	return ret;
}

static void __exit stop(void)
{
	unwatch();
	class_unregister(&class);
	unregister_chrdev_region(first_devt, MINORS);
	kern_unmount(mount);
	ida_destroy(&minors);
}

module_init(start);
module_exit(stop);

MODULE_DESCRIPTION("Write-back mappings of the memory of ivshmem devices");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
